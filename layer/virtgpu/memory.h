/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_MEMORY_H
#define VMB_VIRTGPU_MEMORY_H

#include <vulkan/vulkan.h>

#include "vk/device.h"

/*
 * Memory on virtio_gpu whose mapping is deferred (drm/virtgpu.h), as the application meets with it. On other
 * devices all of this passes on.
 */

/* Has the driver allocate, with what it creates for that deferred. */
VkResult vmb_deferral_allocate(struct vmb_device *device, const VkMemoryAllocateInfo *info,
	const VkAllocationCallbacks *allocator, VkDeviceMemory *out);

/*
 * Drivers may map memory here, and the first mapping may find no room. Not all of them notice: what they
 * call a success is an error then.
 */
VKAPI_ATTR VkResult VKAPI_CALL vmb_MapMemory(VkDevice handle, VkDeviceMemory memory,
	VkDeviceSize offset, VkDeviceSize size, VkMemoryMapFlags flags, void **out);
#ifdef VK_KHR_map_memory2
VKAPI_ATTR VkResult VKAPI_CALL vmb_MapMemory2(
	VkDevice handle, const VkMemoryMapInfoKHR *info, void **out);
#endif
VKAPI_ATTR VkResult VKAPI_CALL vmb_BindImageMemory(
	VkDevice handle, VkImage image, VkDeviceMemory memory, VkDeviceSize offset);
VKAPI_ATTR VkResult VKAPI_CALL vmb_BindImageMemory2(
	VkDevice handle, uint32_t count, const VkBindImageMemoryInfo *infos);

#endif
