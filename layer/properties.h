/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROPERTIES_H
#define VMB_PROPERTIES_H

#include <vulkan/vulkan.h>

/* The properties of the layer: layer properties, extensions, and the entry of the layer in
 * vkGetPhysicalDeviceToolProperties. Any thread. */

VKAPI_ATTR VkResult VKAPI_CALL vmb_EnumerateInstanceLayerProperties(
	uint32_t *count, VkLayerProperties *layers);
VKAPI_ATTR VkResult VKAPI_CALL vmb_EnumerateDeviceLayerProperties(
	VkPhysicalDevice physical, uint32_t *count, VkLayerProperties *layers);
VKAPI_ATTR VkResult VKAPI_CALL vmb_EnumerateInstanceExtensionProperties(
	const char *layer, uint32_t *count, VkExtensionProperties *extensions);
VKAPI_ATTR VkResult VKAPI_CALL vmb_EnumerateDeviceExtensionProperties(VkPhysicalDevice physical,
	const char *layer, uint32_t *count, VkExtensionProperties *extensions);
VKAPI_ATTR VkResult VKAPI_CALL vmb_GetPhysicalDeviceToolProperties(
	VkPhysicalDevice handle, uint32_t *count, VkPhysicalDeviceToolProperties *tools);

#endif
