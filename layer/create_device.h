/* SPDX-License-Identifier: MIT */
#ifndef VMB_CREATE_DEVICE_H
#define VMB_CREATE_DEVICE_H

#include <vulkan/vulkan.h>

VKAPI_ATTR VkResult VKAPI_CALL vmb_CreateDevice(VkPhysicalDevice physical,
	const VkDeviceCreateInfo *info, const VkAllocationCallbacks *allocator, VkDevice *out);
VKAPI_ATTR void VKAPI_CALL vmb_DestroyDevice(
	VkDevice handle, const VkAllocationCallbacks *allocator);

#endif
