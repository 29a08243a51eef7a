/* SPDX-License-Identifier: MIT */
#ifndef VMB_ENTRY_H
#define VMB_ENTRY_H

#include <vulkan/vulkan.h>

/* The commands that the layer implements itself, on every device. Any thread may call them. */

/* entry.c: the look-up functions that the layer returns to the loader */
VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vmb_GetInstanceProcAddr(
	VkInstance handle, const char *name);
VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vmb_GetDeviceProcAddr(VkDevice handle, const char *name);

/* create_instance.c */
VKAPI_ATTR VkResult VKAPI_CALL vmb_CreateInstance(
	const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *out);
VKAPI_ATTR void VKAPI_CALL vmb_DestroyInstance(
	VkInstance handle, const VkAllocationCallbacks *allocator);

/* create_device.c */
VKAPI_ATTR VkResult VKAPI_CALL vmb_CreateDevice(VkPhysicalDevice physical,
	const VkDeviceCreateInfo *info, const VkAllocationCallbacks *allocator, VkDevice *out);
VKAPI_ATTR void VKAPI_CALL vmb_DestroyDevice(
	VkDevice handle, const VkAllocationCallbacks *allocator);

/* properties.c: the layer, its extensions, and its entry in the list of tools */
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
