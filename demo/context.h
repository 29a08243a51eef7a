/* SPDX-License-Identifier: MIT */
#ifndef VMB_DEMO_CONTEXT_H
#define VMB_DEMO_CONTEXT_H

#include "device.h"
#include "pages.h"
#include "work_queue.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* The run: the neighbouring pages that steps 2 to 5 work with. */
#define RUN_SIZE (16 * MIB)
/* Step 6: about this many pages, far apart. */
#define SCATTERED 1024
/* Step 7: this many binds of different memory at the same place. */
#define ROUNDS 8
#define ROUND_PAGES 16
/* Memory that the driver, the layer and the C library may use for bookkeeping. */
#define SLACK (8 * MIB)

/* The objects that the steps of the tour share. */
struct tour {
	struct vku vk;
	struct device_traits traits;
	struct work_queue queue;
	struct page_shaders shaders;
	bool verbose;

	/* Sparse buffers: addresses without memory. */
	VkBuffer *buffers;
	uint32_t buffer_count;
	VkDeviceSize buffer_size;

	VkDeviceSize page; /* the granularity of binds */
	uint32_t per_buffer; /* scattered pages in each buffer */

	/* Memory without addresses. The run's pages begin at offset 0. */
	VkDeviceMemory memory;
	VkDeviceSize scatter_memory, round_memory,
		memory_size; /* offsets for steps 6 and 7; size */
	unsigned char *map; /* the CPU's view, independent of the sparse buffers */

	uint64_t memory_before, peak_memory; /* of the process, in bytes */
};

void tour_print(const struct tour *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The memory that this process uses in addition to memory_before. Updates peak_memory. */
double tour_memory_mib(struct tour *t);

/* The first number of a stamp. No two generations have a word in common. */
uint32_t tour_generation(uint32_t number);

/* Compares words in the memory itself, without a sparse buffer. */
void tour_expect_memory(const struct tour *t, VkDeviceSize offset, uint32_t first, uint64_t words,
	const char *subject);

/* Neighbouring pages of a buffer. */
struct pages tour_neighbours(
	const struct tour *t, uint32_t buffer, VkDeviceSize offset, VkDeviceSize size);

#endif
