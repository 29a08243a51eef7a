/* SPDX-License-Identifier: MIT */
#include "provide/queries.h"

#include <stdio.h>

#include "base/names.h"
#include "provide/features.h"
#include "provide/image.h"
#include "vk/chain.h"
#include "vk/physical_device.h"

static const struct vmb_instance_dispatch *next_of(VkPhysicalDevice handle)
{
	return &vmb_instance_of(handle)->next;
}

/* The physical device if the layer provides sparse resources on it, otherwise NULL. */
static const struct vmb_physical_device *provided(VkPhysicalDevice handle)
{
	const struct vmb_physical_device *physical = vmb_physical_device_get(handle);

	return physical && physical->route == VMB_ROUTE_PROVIDE ? physical : NULL;
}

/*
 * Deciding may create a device, which the loader puts into a list that is guarded by a lock of its
 * own. It holds that lock while it enumerates, but not while it passes on a query: so whatever is
 * enumerated is decided at once.
 */
static void decide(const VkPhysicalDevice *devices, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		vmb_physical_device_get(devices[i]);
	}
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_EnumeratePhysicalDevices(
	VkInstance handle, uint32_t *count, VkPhysicalDevice *devices)
{
	VkResult result = vmb_instance_of(handle)->next.EnumeratePhysicalDevices(
		handle, count, devices);

	if (devices && result >= VK_SUCCESS) {
		decide(devices, *count);
	}
	return result;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_EnumeratePhysicalDeviceGroups(
	VkInstance handle, uint32_t *count, VkPhysicalDeviceGroupProperties *groups)
{
	VkResult result = vmb_instance_of(handle)->next.EnumeratePhysicalDeviceGroups(
		handle, count, groups);

	for (uint32_t i = 0; groups && result >= VK_SUCCESS && i < *count; i++) {
		decide(groups[i].physicalDevices, groups[i].physicalDeviceCount);
	}
	return result;
}

VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceFeatures(
	VkPhysicalDevice handle, VkPhysicalDeviceFeatures *features)
{
	next_of(handle)->GetPhysicalDeviceFeatures(handle, features);
	if (provided(handle)) {
		vmb_features_provide(features);
	}
}

VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceFeatures2(
	VkPhysicalDevice handle, VkPhysicalDeviceFeatures2 *features)
{
	next_of(handle)->GetPhysicalDeviceFeatures2(handle, features);
	if (provided(handle)) {
		vmb_features_provide(&features->features);
	}
}

VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceProperties(
	VkPhysicalDevice handle, VkPhysicalDeviceProperties *properties)
{
	const struct vmb_physical_device *physical = provided(handle);

	next_of(handle)->GetPhysicalDeviceProperties(handle, properties);
	if (physical) {
		vmb_properties_provide(physical, properties);
	}
}

VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceProperties2(
	VkPhysicalDevice handle, VkPhysicalDeviceProperties2 *properties)
{
	const struct vmb_physical_device *physical = provided(handle);

	next_of(handle)->GetPhysicalDeviceProperties2(handle, properties);
	if (physical) {
		vmb_properties_provide(physical, &properties->properties);
	}
}

/* Binds are ordered by semaphores alone, so any queue that takes a submission can do it. */
static void provide_family(VkQueueFamilyProperties *family)
{
	const VkQueueFlags working = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT |
		VK_QUEUE_TRANSFER_BIT;

	if (family->queueFlags & working) {
		family->queueFlags |= VK_QUEUE_SPARSE_BINDING_BIT;
	}
}

VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceQueueFamilyProperties(
	VkPhysicalDevice handle, uint32_t *count, VkQueueFamilyProperties *families)
{
	next_of(handle)->GetPhysicalDeviceQueueFamilyProperties(handle, count, families);
	if (!families || !provided(handle)) {
		return;
	}
	for (uint32_t i = 0; i < *count; i++) {
		provide_family(&families[i]);
	}
}

VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceQueueFamilyProperties2(
	VkPhysicalDevice handle, uint32_t *count, VkQueueFamilyProperties2 *families)
{
	next_of(handle)->GetPhysicalDeviceQueueFamilyProperties2(handle, count, families);
	if (!families || !provided(handle)) {
		return;
	}
	for (uint32_t i = 0; i < *count; i++) {
		provide_family(&families[i].queueFamilyProperties);
	}
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_GetPhysicalDeviceImageFormatProperties(VkPhysicalDevice handle,
	VkFormat format, VkImageType type, VkImageTiling tiling, VkImageUsageFlags usage,
	VkImageCreateFlags flags, VkImageFormatProperties *properties)
{
	const struct vmb_instance_dispatch *next = next_of(handle);

	if (!(flags & VMB_IMAGE_SPARSE_FLAGS) || !provided(handle)) {
		return next->GetPhysicalDeviceImageFormatProperties(
			handle, format, type, tiling, usage, flags, properties);
	}
	if (!vmb_image_flags_provided(flags)) {
		*properties = (VkImageFormatProperties){ 0 };
		return VK_ERROR_FORMAT_NOT_SUPPORTED;
	}
	return next->GetPhysicalDeviceImageFormatProperties(
		handle, format, type, tiling, usage, flags & ~VMB_IMAGE_SPARSE_FLAGS, properties);
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_GetPhysicalDeviceImageFormatProperties2(VkPhysicalDevice handle,
	const VkPhysicalDeviceImageFormatInfo2 *info, VkImageFormatProperties2 *properties)
{
	const struct vmb_instance_dispatch *next = next_of(handle);
	VkPhysicalDeviceImageFormatInfo2 plain = *info;

	if (!(info->flags & VMB_IMAGE_SPARSE_FLAGS) || !provided(handle)) {
		return next->GetPhysicalDeviceImageFormatProperties2(handle, info, properties);
	}
	/* Sparse memory is the layer's own, nobody else can have a handle to it. */
	const VkPhysicalDeviceExternalImageFormatInfo *external = vmb_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO);
	if (!vmb_image_flags_provided(info->flags) || (external && external->handleType)) {
		properties->imageFormatProperties = (VkImageFormatProperties){ 0 };
		return VK_ERROR_FORMAT_NOT_SUPPORTED;
	}
	plain.flags &= ~VMB_IMAGE_SPARSE_FLAGS;
	return next->GetPhysicalDeviceImageFormatProperties2(handle, &plain, properties);
}

VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceSparseImageFormatProperties(VkPhysicalDevice handle,
	VkFormat format, VkImageType type, VkSampleCountFlagBits samples, VkImageUsageFlags usage,
	VkImageTiling tiling, uint32_t *count, VkSparseImageFormatProperties *properties)
{
	if (provided(handle)) {
		*count = 0;
		return;
	}
	next_of(handle)->GetPhysicalDeviceSparseImageFormatProperties(
		handle, format, type, samples, usage, tiling, count, properties);
}

VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceSparseImageFormatProperties2(
	VkPhysicalDevice handle, const VkPhysicalDeviceSparseImageFormatInfo2 *info,
	uint32_t *count, VkSparseImageFormatProperties2 *properties)
{
	if (provided(handle)) {
		*count = 0;
		return;
	}
	next_of(handle)->GetPhysicalDeviceSparseImageFormatProperties2(
		handle, info, count, properties);
}

VKAPI_ATTR void VKAPI_CALL vmb_GetPhysicalDeviceExternalBufferProperties(VkPhysicalDevice handle,
	const VkPhysicalDeviceExternalBufferInfo *info, VkExternalBufferProperties *properties)
{
	const VkBufferCreateFlags sparse = VK_BUFFER_CREATE_SPARSE_BINDING_BIT |
		VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT | VK_BUFFER_CREATE_SPARSE_ALIASED_BIT;

	if ((info->flags & sparse) && provided(handle)) {
		properties->externalMemoryProperties = (VkExternalMemoryProperties){ 0 };
		return;
	}
	next_of(handle)->GetPhysicalDeviceExternalBufferProperties(handle, info, properties);
}

static void describe_tool(VkPhysicalDeviceToolProperties *tool)
{
	snprintf(tool->name, sizeof(tool->name), "vmbind sparse layer");
	snprintf(tool->version, sizeof(tool->version), "%d", VMB_LAYER_VERSION);
	snprintf(tool->description, sizeof(tool->description), "%s", VMB_LAYER_DESCRIPTION);
	snprintf(tool->layer, sizeof(tool->layer), "%s", VMB_LAYER_NAME);
	tool->purposes = VK_TOOL_PURPOSE_ADDITIONAL_FEATURES_BIT |
		VK_TOOL_PURPOSE_MODIFYING_FEATURES_BIT;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_GetPhysicalDeviceToolProperties(
	VkPhysicalDevice handle, uint32_t *count, VkPhysicalDeviceToolProperties *tools)
{
	PFN_vkGetPhysicalDeviceToolProperties next =
		next_of(handle)->GetPhysicalDeviceToolProperties;

	if (!tools) {
		uint32_t others = 0;
		VkResult result = next ? next(handle, &others, NULL) : VK_SUCCESS;
		*count = others + 1;
		return result;
	}
	if (*count == 0) {
		return VK_INCOMPLETE;
	}
	describe_tool(&tools[0]);
	uint32_t others = *count - 1;
	VkResult result = VK_SUCCESS;
	if (next) {
		result = next(handle, &others, &tools[1]);
	} else {
		others = 0;
	}
	*count = others + 1;
	return result;
}
