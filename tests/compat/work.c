/* SPDX-License-Identifier: MIT */
#include "work.h"

#define SIZE UINT64_C(262144)

static bool has_sparse(const struct vku *vk)
{
	VkPhysicalDeviceFeatures features;

	vkGetPhysicalDeviceFeatures(vk->physical, &features);
	return features.sparseBinding && features.sparseResidencyBuffer;
}

void work_init(const struct vku *vk, struct work *work)
{
	const bool sparse = has_sparse(vk);
	const VkBufferCreateFlags flags = VK_BUFFER_CREATE_SPARSE_BINDING_BIT |
		VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT;

	work->buffer = vku_create_buffer(vk, sparse ? flags : 0, SIZE, VKU_ALL_BUFFER_USAGE);
	VkMemoryRequirements needs = vku_buffer_requirements(vk, work->buffer);
	work->memory = vku_allocate(vk, needs.size, needs.memoryTypeBits);
	if (!sparse) {
		VKU_CHECK(vkBindBufferMemory(vk->device, work->buffer, work->memory, 0));
		return;
	}
	const VkSparseMemoryBind bind = { .size = needs.size, .memory = work->memory };
	vku_bind_buffer(vk, work->buffer, &bind, 1);
}

void work_do(const struct vku *vk, const struct work *work, uint32_t word)
{
	vku_fill(vk, work->buffer, 0, SIZE, word);
	for (VkDeviceSize offset = 0; offset < SIZE; offset += SIZE / 4) {
		const uint32_t found = vku_read_word(vk, work->buffer, offset);
		if (found != word) {
			vku_fail("the GPU reads %08x, expected %08x", found, word);
		}
	}
}

void work_finish(const struct vku *vk, struct work *work)
{
	vkDestroyBuffer(vk->device, work->buffer, NULL);
	vkFreeMemory(vk->device, work->memory, NULL);
}

void work_once(const struct vku *vk, uint32_t word)
{
	struct work work;

	work_init(vk, &work);
	work_do(vk, &work, word);
	work_finish(vk, &work);
}
