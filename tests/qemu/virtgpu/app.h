/* SPDX-License-Identifier: MIT */
#ifndef VMB_TEST_QEMU_APP_H
#define VMB_TEST_QEMU_APP_H

#include <vk.h>

#include "gpu.h"
#include "report.h"

/*
 * An application on Venus, which allocates, maps, writes and compares memory of BLOB_SIZE bytes.
 * The functions return the VkResult of an allocation or a mapping. Any other failure ends the
 * program.
 */

struct app {
	struct vku vk;
	uint32_t memory_type;
};

void app_init(struct app *app);
void app_finish(struct app *app);

/* Venus creates the blob of exportable memory in vkAllocateMemory, and the blob of other memory at
 * the first mapping. */
VkResult app_allocate(const struct app *app, bool exportable, VkDeviceMemory *memory);
void app_free(const struct app *app, VkDeviceMemory memory);
/* Maps the memory, compares it with the pattern of the seed, unmaps it, and adds the number of
 * wrong bytes to *wrong. If wrong is NULL, writes the pattern. */
VkResult app_visit(const struct app *app, VkDeviceMemory memory, uint32_t seed, size_t *wrong);
/*
 * Writes the pattern where the mapping must succeed, and repeats a refused mapping. The layer waits
 * a limited time for a helper and for freed room; a busy machine may take longer. The caller shares
 * *retries between its visits. The limit is APP_RETRIES, about half a minute in all.
 */
VkResult app_visit_with_retries(
	const struct app *app, VkDeviceMemory memory, uint32_t seed, unsigned *retries);
#define APP_RETRIES 100
/* Returns a dma-buf. */
int app_export(const struct app *app, VkDeviceMemory memory);

/* Allocates up to count memory objects, stops at a failure, and returns their number. */
unsigned app_allocate_many(const struct app *app, bool exportable, VkDeviceMemory *memory,
	unsigned count, VkResult *last);
void app_free_many(const struct app *app, const VkDeviceMemory *memory, unsigned count);

#define APP_MANY 24

/* The cases, named as the program's argument. */
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
