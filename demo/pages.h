/* SPDX-License-Identifier: MIT */
#ifndef VMB_DEMO_PAGES_H
#define VMB_DEMO_PAGES_H

#include "shaders.h"
#include "work_queue.h"

/*
 * Has shaders write and read pages of buffers. Nothing in here is sparse: to a shader, and to all
 * that it takes to run one, a sparse buffer is a buffer.
 */

/* Pages at equal distances. */
struct pages {
	VkBuffer buffer;
	VkDeviceSize offset;
	uint32_t count;
	VkDeviceSize stride;
};

struct page_shaders {
	struct work_queue *queue;
	VkDeviceSize page; /* its size */
	struct shaders shaders;
	struct vku_buffer results; /* what shaders saw */
};

/* Reads can be of at most that many bytes. */
void page_shaders_init(
	struct page_shaders *ps, const struct vku *vk, VkDeviceSize most, bool with_addresses);
void page_shaders_finish(struct page_shaders *ps, const struct vku *vk);

/* The words of all the pages. */
uint32_t pages_words(const struct page_shaders *ps, const struct pages *pages);

/* The only set of a program, which is free for it once all earlier work is done. */
VkDescriptorSet page_shaders_set(struct page_shaders *ps, const struct vku_program *program,
	const VkDescriptorBufferInfo *buffers);
VkDescriptorSet pages_stamp_set(struct page_shaders *ps, const struct pages *pages);

/* Both put a shader into the queue and return. The first writes stamp_word(first), (first +
 * 1)... */
void pages_stamp_with(
	struct page_shaders *ps, VkDescriptorSet set, const struct pages *pages, uint32_t first);
void page_shaders_run(struct page_shaders *ps, const struct vku_program *program,
	VkDescriptorSet set, const void *push, uint32_t groups);

void pages_stamp(struct page_shaders *ps, const struct pages *pages, uint32_t first);
/* Waits, and returns the words that the shader saw; good until the next time. */
const uint32_t *pages_read(struct page_shaders *ps, const struct pages *pages);

/* Ends the program, saying what, if these are not stamp_word(first), (first + 1)... */
void pages_expect(const uint32_t *words, uint32_t first, uint64_t count, const char *what);

#endif
