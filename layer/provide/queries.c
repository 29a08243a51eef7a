/* SPDX-License-Identifier: MIT */
#include "provide/commands.h"
#include "provide/sparse_flags.h"
#include "route/provided_features.h"
#include "vk/chain.h"
#include "vk/physical_device.h"

static const struct vmb_instance_commands *next_of(VkPhysicalDevice handle)
{
	return &vmb_instance_of(handle)->driver;
}

static VKAPI_ATTR void VKAPI_CALL get_features(
	VkPhysicalDevice handle, VkPhysicalDeviceFeatures *features)
{
	next_of(handle)->GetPhysicalDeviceFeatures(handle, features);
	vmb_features_provide(vmb_physical_device_find(handle), features);
}

static VKAPI_ATTR void VKAPI_CALL get_features2(
	VkPhysicalDevice handle, VkPhysicalDeviceFeatures2 *features)
{
	const struct vmb_physical_device *physical = vmb_physical_device_find(handle);

	next_of(handle)->GetPhysicalDeviceFeatures2(handle, features);
	vmb_features_provide(physical, &features->features);
	vmb_feature_chain_provide(physical, features->pNext);
}

static VKAPI_ATTR void VKAPI_CALL get_properties(
	VkPhysicalDevice handle, VkPhysicalDeviceProperties *properties)
{
	next_of(handle)->GetPhysicalDeviceProperties(handle, properties);
	vmb_properties_provide(vmb_physical_device_find(handle), properties);
}

static VKAPI_ATTR void VKAPI_CALL get_properties2(
	VkPhysicalDevice handle, VkPhysicalDeviceProperties2 *properties)
{
	next_of(handle)->GetPhysicalDeviceProperties2(handle, properties);
	vmb_properties_provide(vmb_physical_device_find(handle), &properties->properties);
}

/* Semaphores order binds, so any queue that takes submissions can bind. */
static void provide_family(VkQueueFamilyProperties *family)
{
	const VkQueueFlags working = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT |
		VK_QUEUE_TRANSFER_BIT;

	if (family->queueFlags & working) {
		family->queueFlags |= VK_QUEUE_SPARSE_BINDING_BIT;
	}
}

static VKAPI_ATTR void VKAPI_CALL get_queue_families(
	VkPhysicalDevice handle, uint32_t *count, VkQueueFamilyProperties *families)
{
	next_of(handle)->GetPhysicalDeviceQueueFamilyProperties(handle, count, families);
	for (uint32_t i = 0; families && i < *count; i++) {
		provide_family(&families[i]);
	}
}

static VKAPI_ATTR void VKAPI_CALL get_queue_families2(
	VkPhysicalDevice handle, uint32_t *count, VkQueueFamilyProperties2 *families)
{
	next_of(handle)->GetPhysicalDeviceQueueFamilyProperties2(handle, count, families);
	for (uint32_t i = 0; families && i < *count; i++) {
		provide_family(&families[i].queueFamilyProperties);
	}
}

static bool is_image_provided(VkPhysicalDevice handle, VkImageCreateFlags flags,
	VkImageUsageFlags usage, const void *chain)
{
	const VkImageStencilUsageCreateInfo *stencil = vmb_chain_find(
		chain, VK_STRUCTURE_TYPE_IMAGE_STENCIL_USAGE_CREATE_INFO);

	if (stencil) {
		usage |= stencil->stencilUsage;
	}
	return vmb_image_flags_provided(flags) &&
		vmb_image_usage_provided(vmb_physical_device_find(handle), usage);
}

static VKAPI_ATTR VkResult VKAPI_CALL get_image_format(VkPhysicalDevice handle, VkFormat format,
	VkImageType type, VkImageTiling tiling, VkImageUsageFlags usage, VkImageCreateFlags flags,
	VkImageFormatProperties *properties)
{
	const struct vmb_instance_commands *next = next_of(handle);

	if (!(flags & VMB_IMAGE_SPARSE_FLAGS)) {
		return next->GetPhysicalDeviceImageFormatProperties(
			handle, format, type, tiling, usage, flags, properties);
	}
	if (!is_image_provided(handle, flags, usage, NULL)) {
		*properties = (VkImageFormatProperties){ 0 };
		return VK_ERROR_FORMAT_NOT_SUPPORTED;
	}
	return next->GetPhysicalDeviceImageFormatProperties(
		handle, format, type, tiling, usage, flags & ~VMB_IMAGE_SPARSE_FLAGS, properties);
}

static VKAPI_ATTR VkResult VKAPI_CALL get_image_format2(VkPhysicalDevice handle,
	const VkPhysicalDeviceImageFormatInfo2 *info, VkImageFormatProperties2 *properties)
{
	const struct vmb_instance_commands *next = next_of(handle);
	VkPhysicalDeviceImageFormatInfo2 plain = *info;

	if (!(info->flags & VMB_IMAGE_SPARSE_FLAGS)) {
		return next->GetPhysicalDeviceImageFormatProperties2(handle, info, properties);
	}
	/* Sparse resources have no external handles: the layer allocates their memory. */
	const VkPhysicalDeviceExternalImageFormatInfo *external = vmb_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO);
	if (!is_image_provided(handle, info->flags, info->usage, info->pNext) ||
		(external && external->handleType)) {
		properties->imageFormatProperties = (VkImageFormatProperties){ 0 };
		return VK_ERROR_FORMAT_NOT_SUPPORTED;
	}
	plain.flags &= ~VMB_IMAGE_SPARSE_FLAGS;
	return next->GetPhysicalDeviceImageFormatProperties2(handle, &plain, properties);
}

static VKAPI_ATTR void VKAPI_CALL get_sparse_image_formats(VkPhysicalDevice handle, VkFormat format,
	VkImageType type, VkSampleCountFlagBits samples, VkImageUsageFlags usage,
	VkImageTiling tiling, uint32_t *count, VkSparseImageFormatProperties *properties)
{
	(void)handle;
	(void)format;
	(void)type;
	(void)samples;
	(void)usage;
	(void)tiling;
	(void)properties;
	*count = 0;
}

static VKAPI_ATTR void VKAPI_CALL get_sparse_image_formats2(VkPhysicalDevice handle,
	const VkPhysicalDeviceSparseImageFormatInfo2 *info, uint32_t *count,
	VkSparseImageFormatProperties2 *properties)
{
	(void)handle;
	(void)info;
	(void)properties;
	*count = 0;
}

static VKAPI_ATTR void VKAPI_CALL get_external_buffer(VkPhysicalDevice handle,
	const VkPhysicalDeviceExternalBufferInfo *info, VkExternalBufferProperties *properties)
{
	if (info->flags & VMB_BUFFER_SPARSE_FLAGS) {
		properties->externalMemoryProperties = (VkExternalMemoryProperties){ 0 };
		return;
	}
	next_of(handle)->GetPhysicalDeviceExternalBufferProperties(handle, info, properties);
}

const struct vmb_instance_commands vmb_provide_queries = {
	.GetPhysicalDeviceFeatures = get_features,
	.GetPhysicalDeviceFeatures2 = get_features2,
	.GetPhysicalDeviceProperties = get_properties,
	.GetPhysicalDeviceProperties2 = get_properties2,
	.GetPhysicalDeviceQueueFamilyProperties = get_queue_families,
	.GetPhysicalDeviceQueueFamilyProperties2 = get_queue_families2,
	.GetPhysicalDeviceImageFormatProperties = get_image_format,
	.GetPhysicalDeviceImageFormatProperties2 = get_image_format2,
	.GetPhysicalDeviceSparseImageFormatProperties = get_sparse_image_formats,
	.GetPhysicalDeviceSparseImageFormatProperties2 = get_sparse_image_formats2,
	.GetPhysicalDeviceExternalBufferProperties = get_external_buffer,
};
