/* SPDX-License-Identifier: MIT */
#ifndef VMB_CREATE_INSTANCE_H
#define VMB_CREATE_INSTANCE_H

#include <vulkan/vulkan.h>

/* Implements vkCreateInstance. layer_get is the layer's vkGetInstanceProcAddr. Any thread. */
VkResult vmb_create_instance(PFN_vkGetInstanceProcAddr layer_get, const VkInstanceCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkInstance *out);
VKAPI_ATTR void VKAPI_CALL vmb_DestroyInstance(
	VkInstance handle, const VkAllocationCallbacks *allocator);

#endif
