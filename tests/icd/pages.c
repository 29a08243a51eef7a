/* SPDX-License-Identifier: MIT */
#include "icd.h"

#include <stdlib.h>

static VkBuffer create_pages(const struct vku *vk, VkDeviceSize size)
{
	VkBufferUsageFlags usage = VKU_ALL_BUFFER_USAGE;

	if (vk->api_version >= VK_API_VERSION_1_2) {
		usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
	}
	return vku_create_buffer(vk, ICD_SPARSE_BUFFER, size, usage);
}

/* The page size is known only from the requirements of a buffer. */
static VkMemoryRequirements smallest_requirements(const struct vku *vk)
{
	VkBuffer probe = create_pages(vk, 1);
	VkMemoryRequirements requirements = vku_buffer_requirements(vk, probe);

	vkDestroyBuffer(vk->device, probe, NULL);
	return requirements;
}

VkDeviceSize icd_page_size(const struct vku *vk)
{
	return smallest_requirements(vk).alignment;
}

void icd_pages_init(
	const struct vku *vk, struct icd_pages *p, uint32_t buffer_pages, uint32_t memory_pages)
{
	VkMemoryRequirements requirements = smallest_requirements(vk);

	*p = (struct icd_pages){
		.page = requirements.alignment,
		.page_words = (uint32_t)(requirements.alignment / sizeof(uint32_t)),
		.buffer_pages = buffer_pages,
		.memory_pages = memory_pages,
	};
	p->buffer = create_pages(vk, buffer_pages * p->page);
	p->memory = vku_allocate(vk, memory_pages * p->page, requirements.memoryTypeBits);
	p->map = vku_map(vk, p->memory);
	for (uint32_t i = 0; i < memory_pages * p->page_words; i++) {
		p->map[i] = icd_stamp(i / p->page_words);
	}
}

void icd_pages_finish(const struct vku *vk, struct icd_pages *p)
{
	vkDestroyBuffer(vk->device, p->buffer, NULL);
	vkFreeMemory(vk->device, p->memory, NULL);
	*p = (struct icd_pages){ 0 };
}

uint32_t icd_stamp(uint32_t memory_page)
{
	return 0xa0000000 + memory_page;
}

VkSparseMemoryBind icd_page_bind(
	const struct icd_pages *p, uint32_t at, uint32_t count, uint32_t memory_page)
{
	return (VkSparseMemoryBind){
		.resourceOffset = at * p->page,
		.size = count * p->page,
		.memory = p->memory,
		.memoryOffset = memory_page * p->page,
	};
}

VkSparseMemoryBind icd_page_unbind(const struct icd_pages *p, uint32_t at, uint32_t count)
{
	return (VkSparseMemoryBind){
		.resourceOffset = at * p->page,
		.size = count * p->page,
	};
}

void icd_expect_page(const struct vku *vk, const struct icd_pages *p, uint32_t at, uint32_t word)
{
	icd_expect_filled(vk, p->buffer, at * p->page, p->page, word);
}

void icd_fill_page(const struct vku *vk, const struct icd_pages *p, uint32_t at, uint32_t word)
{
	vku_fill(vk, p->buffer, at * p->page, p->page, word);
}

void icd_expect_memory(const struct icd_pages *p, uint32_t memory_page, uint32_t word)
{
	const uint32_t *words = p->map + (size_t)memory_page * p->page_words;

	for (uint32_t i = 0; i < p->page_words; i++) {
		if (words[i] != word) {
			vku_fail("memory page %u, word %u: 0x%x, not 0x%x", memory_page, i,
				words[i], word);
		}
	}
}

void icd_expect_filled(const struct vku *vk, VkBuffer buffer, VkDeviceSize offset,
	VkDeviceSize size, uint32_t word)
{
	uint32_t *words = malloc(size);

	EXPECT(words != NULL);
	vku_read(vk, buffer, offset, size, words);
	for (VkDeviceSize i = 0; i < size / sizeof(uint32_t); i++) {
		if (words[i] != word) {
			uint32_t got = words[i];
			free(words);
			vku_fail("offset 0x%llx: 0x%x, not 0x%x",
				(unsigned long long)(offset + i * sizeof(uint32_t)), got, word);
		}
	}
	free(words);
}
