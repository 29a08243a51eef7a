/* SPDX-License-Identifier: MIT */
#ifndef VMB_TEST_VM_APP_H
#define VMB_TEST_VM_APP_H

#include <vk.h>

#include "gpu.h"
#include "report.h"

/*
 * An application on Venus: memory of BLOB_SIZE bytes, allocated, mapped, written and compared. What
 * Vulkan returns for an allocation or a mapping is the caller's to count; whatever else fails ends
 * the program.
 */

struct app {
	struct vku vk;
	uint32_t memory_type;
};

void app_init(struct app *app);
void app_finish(struct app *app);

/* Memory that can be exported has a blob from its creation on, other memory from its first
 * mapping. */
VkResult app_allocate(const struct app *app, bool exportable, VkDeviceMemory *memory);
void app_free(const struct app *app, VkDeviceMemory memory);
/* Maps, writes what depends on the seed or compares with it, and unmaps. Adds the bytes that are
 * wrong to *wrong; NULL: writes. */
VkResult app_visit(const struct app *app, VkDeviceMemory memory, uint32_t seed, size_t *wrong);
/*
 * Writes where the mapping must succeed. The layer waits only so long for a helper and for room
 * that was freed, and a busy machine may take longer: what it refuses is tried again. *retries, of
 * all such visits together, ends at APP_RETRIES, after half a minute or so.
 */
VkResult app_visit_patiently(
	const struct app *app, VkDeviceMemory memory, uint32_t seed, unsigned *retries);
#define APP_RETRIES 100
/* A dma-buf. */
int app_export(const struct app *app, VkDeviceMemory memory);

/* Allocates until it fails or there are count; returns how many there are. */
unsigned app_allocate_many(const struct app *app, bool exportable, VkDeviceMemory *memory,
	unsigned count, VkResult *last);
void app_free_many(const struct app *app, const VkDeviceMemory *memory, unsigned count);

#define APP_MANY 24

/* The cases, by the names that the program is called with. */
void vulkan_fit(void);
void vulkan_plain(void);
void vulkan_late(void);
void vulkan_refused(void);
void vulkan_full(void);
void vulkan_never(void);
void vulkan_export(void);
void vulkan_threads(void);
void vulkan_devices(void);
void vulkan_processes(void);
void vulkan_killed(void);
void vulkan_children(void);
void vulkan_descriptors(void);
void vulkan_cost(void);

#endif
