/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_QUERIES_H
#define VMB_PROVIDE_QUERIES_H

#include <vulkan/vulkan.h>

/* The doors of the physical-device queries. On the native route each passes the call on. */

VKAPI_ATTR VkResult VKAPI_CALL vmb_EnumeratePhysicalDevices(
	VkInstance handle, uint32_t *count, VkPhysicalDevice *devices);
VKAPI_ATTR VkResult VKAPI_CALL vmb_EnumeratePhysicalDeviceGroups(
	VkInstance handle, uint32_t *count, VkPhysicalDeviceGroupProperties *groups);
VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceFeatures(
	VkPhysicalDevice handle, VkPhysicalDeviceFeatures *features);
VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceFeatures2(
	VkPhysicalDevice handle, VkPhysicalDeviceFeatures2 *features);
VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceProperties(
	VkPhysicalDevice handle, VkPhysicalDeviceProperties *properties);
VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceProperties2(
	VkPhysicalDevice handle, VkPhysicalDeviceProperties2 *properties);
VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceQueueFamilyProperties(
	VkPhysicalDevice handle, uint32_t *count, VkQueueFamilyProperties *families);
VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceQueueFamilyProperties2(
	VkPhysicalDevice handle, uint32_t *count, VkQueueFamilyProperties2 *families);
VKAPI_ATTR VkResult VKAPI_CALL vmb_GetPhysicalDeviceImageFormatProperties(VkPhysicalDevice handle,
	VkFormat format, VkImageType type, VkImageTiling tiling, VkImageUsageFlags usage,
	VkImageCreateFlags flags, VkImageFormatProperties *properties);
VKAPI_ATTR VkResult VKAPI_CALL vmb_GetPhysicalDeviceImageFormatProperties2(VkPhysicalDevice handle,
	const VkPhysicalDeviceImageFormatInfo2 *info, VkImageFormatProperties2 *properties);
VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceSparseImageFormatProperties(VkPhysicalDevice handle,
	VkFormat format, VkImageType type, VkSampleCountFlagBits samples, VkImageUsageFlags usage,
	VkImageTiling tiling, uint32_t *count, VkSparseImageFormatProperties *properties);
VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceSparseImageFormatProperties2(
	VkPhysicalDevice handle, const VkPhysicalDeviceSparseImageFormatInfo2 *info,
	uint32_t *count, VkSparseImageFormatProperties2 *properties);
VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceExternalBufferProperties(VkPhysicalDevice handle,
	const VkPhysicalDeviceExternalBufferInfo *info, VkExternalBufferProperties *properties);
VKAPI_ATTR VkResult VKAPI_CALL vmb_GetPhysicalDeviceToolProperties(
	VkPhysicalDevice handle, uint32_t *count, VkPhysicalDeviceToolProperties *tools);

#endif
