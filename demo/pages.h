/* SPDX-License-Identifier: MIT */
#ifndef VMB_DEMO_PAGES_H
#define VMB_DEMO_PAGES_H

#include "shaders.h"
#include "work_queue.h"

/*
 * Runs shaders that write and read pages of buffers. Shaders, descriptors and pipelines use a
 * sparse buffer in the same way as any other buffer.
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
	VkDeviceSize page; /* the size of a page */
	struct shaders shaders;
	struct vku_buffer results; /* the words that the read shader copied */
};

/* One read covers at most max_size bytes. */
void page_shaders_init(
	struct page_shaders *ps, const struct vku *vk, VkDeviceSize max_size, bool with_addresses);
void page_shaders_finish(struct page_shaders *ps, const struct vku *vk);

/* The number of words in all pages. */
uint32_t pages_words(const struct page_shaders *ps, const struct pages *pages);

/* Waits for all earlier work, then reuses the one descriptor set of a program. */
VkDescriptorSet page_shaders_set(struct page_shaders *ps, const struct vku_program *program,
	const VkDescriptorBufferInfo *buffers);
VkDescriptorSet pages_stamp_set(struct page_shaders *ps, const struct pages *pages);

/* Both submit a shader and do not wait. pages_stamp_with() writes stamp_word(first),
 * stamp_word(first + 1) and so on. */
void pages_stamp_with(
	struct page_shaders *ps, VkDescriptorSet set, const struct pages *pages, uint32_t first);
void page_shaders_run(struct page_shaders *ps, const struct vku_program *program,
	VkDescriptorSet set, const void *push, uint32_t groups);

void pages_stamp(struct page_shaders *ps, const struct pages *pages, uint32_t first);
/* Waits. Returns the words that the shader read, valid until the next call. */
const uint32_t *pages_read(struct page_shaders *ps, const struct pages *pages);

/* Ends the program with a message that names the subject, if the words are not stamp_word(first),
 * stamp_word(first + 1) and so on. */
void pages_expect(const uint32_t *words, uint32_t first, uint64_t count, const char *subject);

#endif
