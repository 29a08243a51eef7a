/* SPDX-License-Identifier: MIT */
#ifndef VMB_CREATE_INSTANCE_H
#define VMB_CREATE_INSTANCE_H

#include <vulkan/vulkan.h>

VKAPI_ATTR VkResult VKAPI_CALL vmb_CreateInstance(
	const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *out);
VKAPI_ATTR void VKAPI_CALL vmb_DestroyInstance(
	VkInstance handle, const VkAllocationCallbacks *allocator);

#endif
