/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>

#include "steps.h"

/* Pages from the middle of a buffer on, as far apart as one descriptor can reach. */
static struct pages scattered_pages(const struct tour *t, uint32_t buffer)
{
	const VkDeviceSize half = t->buffer_size / 2, limit = t->traits.max_storage_range;
	const VkDeviceSize reach = half < limit ? half : limit;
	VkDeviceSize stride = reach / t->per_buffer / t->page * t->page;
	struct pages pages = tour_neighbours(
		t, buffer, t->buffer_size / 2, t->per_buffer * t->page);

	pages.stride = stride < 2 * MIB ? stride : 2 * MIB;
	return pages;
}

/* Consecutive pages get memory in descending order, so that no two binds can be merged. */
static VkDeviceSize scattered_memory(const struct tour *t, uint32_t buffer, uint32_t i)
{
	const uint32_t all = t->buffer_count * t->per_buffer;

	return t->scatter_memory + (all - 1 - (buffer * t->per_buffer + i)) * t->page;
}

/* Fills in the binds of one buffer. */
static VkSparseBufferMemoryBindInfo scattered_binds(
	const struct tour *t, uint32_t buffer, VkSparseMemoryBind *binds)
{
	const struct pages pages = scattered_pages(t, buffer);

	for (uint32_t i = 0; i < pages.count; i++) {
		binds[i] = (VkSparseMemoryBind){
			.resourceOffset = pages.offset + i * pages.stride,
			.size = t->page,
			.memory = t->memory,
			.memoryOffset = scattered_memory(t, buffer, i),
		};
	}
	return (VkSparseBufferMemoryBindInfo){
		.buffer = pages.buffer,
		.bindCount = pages.count,
		.pBinds = binds,
	};
}

/* One batch binds pages in all buffers. A batch takes any number of buffers and images. */
static void bind_scattered(struct tour *t)
{
	VkSparseMemoryBind *binds = calloc(t->buffer_count * t->per_buffer, sizeof(*binds));
	VkSparseBufferMemoryBindInfo *infos = calloc(t->buffer_count, sizeof(*infos));

	if (!binds || !infos) {
		vku_fail("out of memory");
	}
	for (uint32_t buffer = 0; buffer < t->buffer_count; buffer++) {
		infos[buffer] = scattered_binds(t, buffer, &binds[buffer * t->per_buffer]);
	}
	work_queue_bind(&t->queue, infos, t->buffer_count);
	free(binds);
	free(infos);
}

static void expect_scattered(struct tour *t, uint32_t buffer, uint32_t first)
{
	const struct pages pages = scattered_pages(t, buffer);
	const uint32_t page_words = (uint32_t)(t->page / sizeof(uint32_t));

	pages_expect(pages_read(&t->shaders, &pages), first, pages_words(&t->shaders, &pages),
		"scattered pages");
	for (uint32_t i = 0; i < pages.count; i++) {
		tour_expect_memory(t, scattered_memory(t, buffer, i), first + i * page_words,
			page_words, "the memory of a scattered page");
	}
}

void step_scatter(struct tour *t)
{
	const uint32_t words = (uint32_t)(t->per_buffer * t->page / sizeof(uint32_t));
	const uint32_t first = tour_generation(4);

	bind_scattered(t);
	for (uint32_t buffer = 0; buffer < t->buffer_count; buffer++) {
		const struct pages pages = scattered_pages(t, buffer);
		pages_stamp(&t->shaders, &pages, first + buffer * words);
	}
	for (uint32_t buffer = 0; buffer < t->buffer_count; buffer++) {
		expect_scattered(t, buffer, first + buffer * words);
	}
	tour_print(t,
		"\n6. Scatter\n"
		"   One call bound %u scattered pages, %u in each buffer. A shader wrote and read\n"
		"   them. Memory used: %.1f MiB, including a page table for each page.\n",
		t->buffer_count * t->per_buffer, t->per_buffer, tour_memory_mib(t));
}

/* The address of a scattered page. Consecutive links are in different buffers. */
static VkDeviceAddress link_address(const struct tour *t, uint32_t link)
{
	const struct pages pages = scattered_pages(t, link % t->buffer_count);

	return vku_buffer_address(&t->vk, pages.buffer) + pages.offset +
		link / t->buffer_count % t->per_buffer * pages.stride;
}

/*
 * A sparse buffer has a device address (vkGetBufferDeviceAddress). The address is valid before the
 * first bind and does not change with later binds. Here each scattered page holds the address of
 * the next page, and a shader follows the chain.
 */
void step_follow_addresses(struct tour *t)
{
	const uint32_t all = t->buffer_count * t->per_buffer;
	const struct shaders *shaders = &t->shaders.shaders;
	struct vku_buffer table;

	vku_buffer_init(&t->vk, &table, (all + 1) * sizeof(uint64_t));
	uint64_t *addresses = table.map;
	for (uint32_t i = 0; i <= all; i++) {
		addresses[i] = link_address(t, i % all);
	}
	const VkDescriptorBufferInfo buffers[] = {
		{ .buffer = table.buffer, .range = VK_WHOLE_SIZE },
		{ .buffer = t->shaders.results.buffer, .range = VK_WHOLE_SIZE },
	};
	page_shaders_run(&t->shaders, &shaders->link,
		page_shaders_set(&t->shaders, &shaders->link, buffers), NULL, all);
	page_shaders_run(&t->shaders, &shaders->walk,
		page_shaders_set(&t->shaders, &shaders->walk, buffers), &all, 1);
	work_queue_wait(&t->queue);

	const uint64_t *steps = t->shaders.results.map;
	for (uint32_t i = 0; i < all; i++) {
		if (steps[i] != addresses[i + 1]) {
			vku_fail("CHECK FAILED: link %u leads to %" PRIx64 ", expected %" PRIx64, i,
				steps[i], addresses[i + 1]);
		}
	}
	vku_buffer_finish(&t->vk, &table);
	tour_print(
		t, "   A shader followed a chain of %u device addresses through the pages.\n", all);
}
