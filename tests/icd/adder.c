/* SPDX-License-Identifier: MIT */
#include "adder.h"

#include "shaders.h"

void icd_adder_init(
	const struct vku *vk, struct icd_adder *adder, uint32_t buffer_pages, uint32_t memory_pages)
{
	icd_pages_init(vk, &adder->p, buffer_pages, memory_pages);
	icd_add_init(vk, &adder->add);
	const VkDescriptorBufferInfo whole = { adder->p.buffer, 0, VK_WHOLE_SIZE };
	adder->set = vku_program_set(vk, &adder->add, &whole);
	adder->fence = vku_create_fence(vk);
}

void icd_adder_finish(const struct vku *vk, struct icd_adder *adder)
{
	vkDestroyFence(vk->device, adder->fence, NULL);
	vku_program_finish(vk, &adder->add);
	icd_pages_finish(vk, &adder->p);
}

VkCommandBuffer icd_adder_record(
	const struct vku *vk, const struct icd_adder *adder, uint32_t page, uint32_t value)
{
	const struct icd_add_push push = {
		.first = page * adder->p.page_words,
		.count = adder->p.page_words,
		.value = value,
	};
	VkCommandBuffer commands = vku_begin(vk);

	vku_dispatch(commands, &adder->add, adder->set, &push, icd_groups(push.count));
	vku_barrier(commands);
	VKU_CHECK(vkEndCommandBuffer(commands));
	return commands;
}
