/* SPDX-License-Identifier: MIT */
#include "vk.h"

uint32_t vku_memory_type(const struct vku *vk, uint32_t allowed, VkMemoryPropertyFlags flags)
{
	for (uint32_t i = 0; i < vk->memory.memoryTypeCount; i++) {
		VkMemoryPropertyFlags has = vk->memory.memoryTypes[i].propertyFlags;
		if ((allowed & 1u << i) && (has & flags) == flags) {
			return i;
		}
	}
	vku_fail("no memory type of 0x%x has the properties 0x%x", allowed, flags);
}

VkDeviceMemory vku_allocate(const struct vku *vk, VkDeviceSize size, uint32_t allowed_types)
{
	/* Required for device addresses, and allowed without them. */
	const VkMemoryAllocateFlagsInfo flags = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
		.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
	};
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = vk->api_version >= VK_API_VERSION_1_2 ? &flags : NULL,
		.allocationSize = size,
		.memoryTypeIndex = vku_memory_type(vk, allowed_types,
			VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT),
	};
	VkDeviceMemory memory;

	VKU_CHECK(vkAllocateMemory(vk->device, &info, NULL, &memory));
	return memory;
}

void *vku_map(const struct vku *vk, VkDeviceMemory memory)
{
	void *map;

	VKU_CHECK(vkMapMemory(vk->device, memory, 0, VK_WHOLE_SIZE, 0, &map));
	return map;
}

VkBuffer vku_create_buffer(const struct vku *vk, VkBufferCreateFlags flags, VkDeviceSize size,
	VkBufferUsageFlags usage)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.flags = flags,
		.size = size,
		.usage = usage,
	};
	VkBuffer buffer;

	VKU_CHECK(vkCreateBuffer(vk->device, &info, NULL, &buffer));
	return buffer;
}

VkMemoryRequirements vku_buffer_requirements(const struct vku *vk, VkBuffer buffer)
{
	VkMemoryRequirements requirements;

	vkGetBufferMemoryRequirements(vk->device, buffer, &requirements);
	return requirements;
}

VkDeviceAddress vku_buffer_address(const struct vku *vk, VkBuffer buffer)
{
	const VkBufferDeviceAddressInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
		.buffer = buffer,
	};
	PFN_vkGetBufferDeviceAddress get = (PFN_vkGetBufferDeviceAddress)vku_device_function(
		vk, "vkGetBufferDeviceAddress", "vkGetBufferDeviceAddressKHR");

	return get(vk->device, &info);
}

void vku_buffer_init(const struct vku *vk, struct vku_buffer *buffer, VkDeviceSize size)
{
	VkBufferUsageFlags usage = VKU_ALL_BUFFER_USAGE;

	if (vk->api_version >= VK_API_VERSION_1_2) {
		usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
	}
	*buffer = (struct vku_buffer){ .size = size };
	buffer->buffer = vku_create_buffer(vk, 0, size, usage);
	VkMemoryRequirements requirements = vku_buffer_requirements(vk, buffer->buffer);
	buffer->memory = vku_allocate(vk, requirements.size, requirements.memoryTypeBits);
	VKU_CHECK(vkBindBufferMemory(vk->device, buffer->buffer, buffer->memory, 0));
	buffer->map = vku_map(vk, buffer->memory);
}

void vku_buffer_finish(const struct vku *vk, struct vku_buffer *buffer)
{
	if (!buffer->buffer) {
		return;
	}
	vkDestroyBuffer(vk->device, buffer->buffer, NULL);
	vkFreeMemory(vk->device, buffer->memory, NULL);
	*buffer = (struct vku_buffer){ 0 };
}
