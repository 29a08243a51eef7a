/* SPDX-License-Identifier: MIT */
#include "pages.h"

#include <stdlib.h>

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory) {
		vku_fail("out of memory");
	}
	return memory;
}

/* xorshift64: each run has the same numbers. */
static uint64_t random_number(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void shuffle(uint32_t *order, uint32_t count, uint64_t *state)
{
	for (uint32_t i = 0; i < count; i++) {
		order[i] = i;
	}
	for (uint32_t i = count; i > 1; i--) {
		uint32_t j = (uint32_t)(random_number(state) % i);
		uint32_t other = order[j];
		order[j] = order[i - 1];
		order[i - 1] = other;
	}
}

/* Fills BENCH_SORTED, BENCH_SCATTERED and BENCH_SHUFFLED. */
static void fill_scattered(struct bench_pages *pages, uint32_t count)
{
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
	uint32_t *order = allocate(count, sizeof(*order));
	uint32_t *from = allocate(count, sizeof(*from));

	shuffle(order, count, &state);
	shuffle(from, count, &state);
	for (uint32_t i = 0; i < count; i++) {
		pages->ranges[BENCH_SORTED][i] = (struct bench_range){
			.at = i * pages->page,
			.size = pages->page,
			.from = from[i] * pages->page,
			.bound = true,
		};
	}
	for (uint32_t i = 0; i < count; i++) {
		pages->ranges[BENCH_SCATTERED][i] = pages->ranges[BENCH_SORTED][order[i]];
		pages->ranges[BENCH_SHUFFLED][i] = pages->ranges[BENCH_CONTIGUOUS][order[i]];
	}
	free(order);
	free(from);
}

void bench_pages_init(struct bench_pages *pages, uint64_t page, uint32_t count)
{
	*pages = (struct bench_pages){ .page = page, .size = page * count };
	for (int list = 0; list < BENCH_LISTS; list++) {
		bool whole = list == BENCH_WHOLE || list == BENCH_NULL_WHOLE;
		pages->counts[list] = list == BENCH_UNBOUND ? 0 : whole ? 1 : count;
		pages->ranges[list] = allocate(count, sizeof(struct bench_range));
	}
	pages->ranges[BENCH_WHOLE][0] = (struct bench_range){ .size = pages->size, .bound = true };
	pages->ranges[BENCH_NULL_WHOLE][0] = (struct bench_range){ .size = pages->size };
	for (uint32_t i = 0; i < count; i++) {
		struct bench_range range = { .at = i * page, .size = page };
		pages->ranges[BENCH_NULL_PAGES][i] = range;
		range.from = range.at;
		range.bound = true;
		pages->ranges[BENCH_CONTIGUOUS][i] = range;
	}
	fill_scattered(pages, count);
}

void bench_pages_finish(struct bench_pages *pages)
{
	for (int list = 0; list < BENCH_LISTS; list++) {
		free(pages->ranges[list]);
	}
	*pages = (struct bench_pages){ 0 };
}

static VkBuffer create(const struct bench_subject *subject, VkDeviceSize size)
{
	return vku_create_buffer(&subject->vk,
		VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT, size,
		VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
}

VkDeviceSize bench_page_size(const struct bench_subject *subject)
{
	VkPhysicalDeviceFeatures features;

	vkGetPhysicalDeviceFeatures(subject->vk.physical, &features);
	if (!features.sparseResidencyBuffer) {
		vku_fail("no sparse buffers: ./run bench enables the layer");
	}
	VkBuffer buffer = create(subject, 1);
	VkDeviceSize size = vku_buffer_requirements(&subject->vk, buffer).alignment;

	vkDestroyBuffer(subject->vk.device, buffer, NULL);
	return size;
}

static VkSparseMemoryBind *make_binds(
	VkDeviceMemory memory, const struct bench_range *ranges, uint32_t count)
{
	VkSparseMemoryBind *binds = allocate(count ? count : 1, sizeof(*binds));

	for (uint32_t i = 0; i < count; i++) {
		binds[i] = (VkSparseMemoryBind){
			.resourceOffset = ranges[i].at,
			.size = ranges[i].size,
			.memory = ranges[i].bound ? memory : VK_NULL_HANDLE,
			.memoryOffset = ranges[i].from,
		};
	}
	return binds;
}

void bench_buffer_init(struct bench_buffer *buffer, const struct bench_subject *subject,
	const struct bench_pages *pages)
{
	*buffer = (struct bench_buffer){
		.subject = subject,
		.pages = pages,
		.buffer = create(subject, pages->size),
		.fence = vku_create_fence(&subject->vk),
	};
	VkMemoryRequirements requirements = vku_buffer_requirements(&subject->vk, buffer->buffer);
	buffer->memory = vku_allocate(&subject->vk, pages->size, requirements.memoryTypeBits);
	for (int list = 0; list < BENCH_LISTS; list++) {
		buffer->binds[list] = make_binds(
			buffer->memory, pages->ranges[list], pages->counts[list]);
	}
}

void bench_buffer_finish(struct bench_buffer *buffer)
{
	VkDevice device = buffer->subject->vk.device;

	vkDestroyBuffer(device, buffer->buffer, NULL);
	vkFreeMemory(device, buffer->memory, NULL);
	vkDestroyFence(device, buffer->fence, NULL);
	for (int list = 0; list < BENCH_LISTS; list++) {
		free(buffer->binds[list]);
	}
	*buffer = (struct bench_buffer){ 0 };
}

void bench_buffer_run(struct bench_buffer *buffer, const struct bench_work *work)
{
	const struct bench_subject *subject = buffer->subject;
	uint32_t count = buffer->pages->counts[work->list];
	uint32_t calls = work->one_call ? 1 : count;
	VkSparseBufferMemoryBindInfo binds = {
		.buffer = buffer->buffer,
		.bindCount = work->one_call ? count : 1,
	};
	const VkBindSparseInfo info = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.bufferBindCount = 1,
		.pBufferBinds = &binds,
	};

	if (count == 0) {
		return;
	}
	for (uint32_t i = 0; i < calls; i++) {
		binds.pBinds = &buffer->binds[work->list][i];
		/* Calls execute in order: the last call signals the fence for all of them. */
		VKU_CHECK(subject->QueueBindSparse(subject->vk.queue, 1, &info,
			i + 1 == calls ? buffer->fence : VK_NULL_HANDLE));
	}
	VKU_CHECK(
		subject->WaitForFences(subject->vk.device, 1, &buffer->fence, VK_TRUE, UINT64_MAX));
	VKU_CHECK(subject->ResetFences(subject->vk.device, 1, &buffer->fence));
}
