/* SPDX-License-Identifier: MIT */
#include "pages.h"

#include <inttypes.h>
#include <string.h>

void page_shaders_init(
	struct page_shaders *ps, const struct vku *vk, VkDeviceSize max_size, bool with_addresses)
{
	*ps = (struct page_shaders){ 0 };
	shaders_init(&ps->shaders, vk, with_addresses);
	vku_buffer_init(vk, &ps->results, max_size);
	/* Populate the pages now, so that later steps do not count them as their own memory. */
	memset(ps->results.map, 0xff, max_size);
}

void page_shaders_finish(struct page_shaders *ps, const struct vku *vk)
{
	vku_buffer_finish(vk, &ps->results);
	shaders_finish(&ps->shaders, vk);
}

uint32_t pages_words(const struct page_shaders *ps, const struct pages *pages)
{
	return (uint32_t)(pages->count * ps->page / sizeof(uint32_t));
}

/* A descriptor refers to addresses, so its pages may be unbound or rebound at any time.
 * maxStorageBufferRange limits a descriptor to less than the whole buffer. */
static VkDescriptorBufferInfo pages_descriptor(
	const struct page_shaders *ps, const struct pages *pages)
{
	return (VkDescriptorBufferInfo){
		.buffer = pages->buffer,
		.offset = pages->offset,
		.range = (pages->count - 1) * pages->stride + ps->page,
	};
}

VkDescriptorSet page_shaders_set(struct page_shaders *ps, const struct vku_program *program,
	const VkDescriptorBufferInfo *buffers)
{
	const struct vku *vk = ps->queue->vk;

	work_queue_wait(ps->queue);
	VKU_CHECK(vkResetDescriptorPool(vk->device, program->pool, 0));
	return vku_program_set(vk, program, buffers);
}

VkDescriptorSet pages_stamp_set(struct page_shaders *ps, const struct pages *pages)
{
	const VkDescriptorBufferInfo buffer = pages_descriptor(ps, pages);

	return page_shaders_set(ps, &ps->shaders.stamp, &buffer);
}

void page_shaders_run(struct page_shaders *ps, const struct vku_program *program,
	VkDescriptorSet set, const void *push, uint32_t groups)
{
	VkCommandBuffer commands = vku_begin(ps->queue->vk);

	vku_dispatch(commands, program, set, push, groups);
	work_queue_submit(ps->queue, commands);
}

static void page_shaders_run_on(struct page_shaders *ps, const struct vku_program *program,
	VkDescriptorSet set, const struct pages *pages, uint32_t first)
{
	const struct pages_push push = {
		.page_words = (uint32_t)(ps->page / sizeof(uint32_t)),
		.stride_words = (uint32_t)(pages->stride / sizeof(uint32_t)),
		.first = first,
	};

	page_shaders_run(ps, program, set, &push, pages_words(ps, pages) / SHADER_GROUP);
}

void pages_stamp_with(
	struct page_shaders *ps, VkDescriptorSet set, const struct pages *pages, uint32_t first)
{
	page_shaders_run_on(ps, &ps->shaders.stamp, set, pages, first);
}

void pages_stamp(struct page_shaders *ps, const struct pages *pages, uint32_t first)
{
	pages_stamp_with(ps, pages_stamp_set(ps, pages), pages, first);
}

const uint32_t *pages_read(struct page_shaders *ps, const struct pages *pages)
{
	const VkDescriptorBufferInfo buffers[] = {
		pages_descriptor(ps, pages),
		{ .buffer = ps->results.buffer, .range = VK_WHOLE_SIZE },
	};
	VkDescriptorSet set = page_shaders_set(ps, &ps->shaders.read, buffers);

	/* Overwrite the results of the previous read. */
	memset(ps->results.map, 0xff, pages_words(ps, pages) * sizeof(uint32_t));
	page_shaders_run_on(ps, &ps->shaders.read, set, pages, 0);
	work_queue_wait(ps->queue);
	return ps->results.map;
}

void pages_expect(const uint32_t *words, uint32_t first, uint64_t count, const char *subject)
{
	for (uint64_t i = 0; i < count; i++) {
		uint32_t wanted = stamp_word(first + (uint32_t)i);
		if (words[i] != wanted) {
			vku_fail("CHECK FAILED: %s: word %" PRIu64 " is %08x, expected %08x",
				subject, i, words[i], wanted);
		}
	}
}
