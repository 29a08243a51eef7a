/* SPDX-License-Identifier: MIT */
#include "provide/commands.h"
#include "provide/external_types.h"
#include "provide/resource.h"
#include "provide/sparse_flags.h"
#include "vk/chain.h"

/* A swapchain image has the swapchain's memory. An image with an initial layout has no handle types
 * (VUID-VkImageCreateInfo-pNext-01443), but a driver that checks the types needs them. */
static bool needs_types(const struct vmb_provide *provide, const VkImageCreateInfo *info)
{
	if (vmb_chain_find(info->pNext, VK_STRUCTURE_TYPE_IMAGE_SWAPCHAIN_CREATE_INFO_KHR)) {
		return false;
	}
	return info->initialLayout == VK_IMAGE_LAYOUT_UNDEFINED ||
		vmb_external_types_checked(provide);
}

/* Creates an ordinary image. */
static VkResult create_plain(struct vmb_provide *provide, const VkImageCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkImage *out)
{
	struct vmb_external_types types;
	VkImageCreateInfo plain = *info;

	plain.flags &= ~VMB_IMAGE_SPARSE_FLAGS;
	if (!needs_types(provide, info)) {
		return provide->next.CreateImage(provide->device->handle, &plain, allocator, out);
	}
	VkResult result = vmb_external_types_init(
		&types, provide, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO, info->pNext);
	if (result != VK_SUCCESS) {
		return result;
	}
	plain.pNext = types.head;
	result = provide->next.CreateImage(provide->device->handle, &plain, allocator, out);
	vmb_external_types_finish(&types);
	return result;
}

static VkResult bind_memory(struct vmb_provide *provide, uint64_t image, VkDeviceMemory memory)
{
	return provide->next.BindImageMemory(provide->device->handle, (VkImage)image, memory, 0);
}

static VkResult make_sparse(struct vmb_provide *provide, VkImage image)
{
	VkMemoryRequirements requirements;

	provide->next.GetImageMemoryRequirements(provide->device->handle, image, &requirements);
	return vmb_resource_create(
		provide, &provide->images, (uint64_t)image, &requirements, bind_memory);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_image(VkDevice handle, const VkImageCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkImage *out)
{
	struct vmb_provide *provide = vmb_provide_of(handle);
	VkImage image = VK_NULL_HANDLE;
	bool is_sparse = info->flags & VMB_IMAGE_SPARSE_FLAGS;

	if (is_sparse && !vmb_image_flags_provided(info->flags)) {
		*out = VK_NULL_HANDLE;
		return VK_ERROR_FEATURE_NOT_PRESENT;
	}
	VkResult result = create_plain(provide, info, allocator, &image);
	if (result != VK_SUCCESS || !is_sparse) {
		*out = image;
		return result;
	}
	result = make_sparse(provide, image);
	if (result != VK_SUCCESS) {
		provide->next.DestroyImage(handle, image, allocator);
		*out = VK_NULL_HANDLE;
		return result;
	}
	vmb_count(&provide->device->statistics.images, 1);
	*out = image;
	return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_image(
	VkDevice handle, VkImage image, const VkAllocationCallbacks *allocator)
{
	struct vmb_provide *provide = vmb_provide_of(handle);
	struct vmb_resource *resource = vmb_map_remove(&provide->images, (uint64_t)image);

	provide->next.DestroyImage(handle, image, allocator);
	vmb_resource_destroy(resource);
}

static bool is_sparse_image(struct vmb_provide *provide, VkImage image)
{
	return vmb_map_find(&provide->images, (uint64_t)image);
}

static VKAPI_ATTR void VKAPI_CALL get_requirements(
	VkDevice handle, VkImage image, VkMemoryRequirements *requirements)
{
	struct vmb_provide *provide = vmb_provide_of(handle);

	provide->next.GetImageMemoryRequirements(handle, image, requirements);
	if (is_sparse_image(provide, image)) {
		vmb_resource_requirements(provide, requirements);
	}
}

static VKAPI_ATTR void VKAPI_CALL get_requirements2(VkDevice handle,
	const VkImageMemoryRequirementsInfo2 *info, VkMemoryRequirements2 *requirements)
{
	struct vmb_provide *provide = vmb_provide_of(handle);

	provide->next.GetImageMemoryRequirements2(handle, info, requirements);
	if (is_sparse_image(provide, info->image)) {
		vmb_resource_requirements2(provide, requirements);
	}
}

static VKAPI_ATTR void VKAPI_CALL get_device_requirements(VkDevice handle,
	const VkDeviceImageMemoryRequirements *info, VkMemoryRequirements2 *requirements)
{
	struct vmb_provide *provide = vmb_provide_of(handle);
	VkImageCreateInfo plain = *info->pCreateInfo;
	VkDeviceImageMemoryRequirements plain_info = *info;

	if (!(plain.flags & VMB_IMAGE_SPARSE_FLAGS)) {
		provide->next.GetDeviceImageMemoryRequirements(handle, info, requirements);
		return;
	}
	plain.flags &= ~VMB_IMAGE_SPARSE_FLAGS;
	plain_info.pCreateInfo = &plain;
	provide->next.GetDeviceImageMemoryRequirements(handle, &plain_info, requirements);
	vmb_resource_requirements2(provide, requirements);
}

/* No image has sparse residency, so there are no sparse memory requirements. */

static VKAPI_ATTR void VKAPI_CALL get_sparse_requirements(VkDevice handle, VkImage image,
	uint32_t *count, VkSparseImageMemoryRequirements *requirements)
{
	(void)handle;
	(void)image;
	(void)requirements;
	*count = 0;
}

static VKAPI_ATTR void VKAPI_CALL get_sparse_requirements2(VkDevice handle,
	const VkImageSparseMemoryRequirementsInfo2 *info, uint32_t *count,
	VkSparseImageMemoryRequirements2 *requirements)
{
	(void)handle;
	(void)info;
	(void)requirements;
	*count = 0;
}

static VKAPI_ATTR void VKAPI_CALL get_device_sparse_requirements(VkDevice handle,
	const VkDeviceImageMemoryRequirements *info, uint32_t *count,
	VkSparseImageMemoryRequirements2 *requirements)
{
	(void)handle;
	(void)info;
	(void)requirements;
	*count = 0;
}

static VKAPI_ATTR void VKAPI_CALL get_subresource_layout(VkDevice handle,
	const VkDeviceImageSubresourceInfoKHR *info, VkSubresourceLayout2KHR *layout)
{
	VkImageCreateInfo plain = *info->pCreateInfo;
	VkDeviceImageSubresourceInfoKHR plain_info = *info;

	plain.flags &= ~VMB_IMAGE_SPARSE_FLAGS;
	plain_info.pCreateInfo = &plain;
	vmb_provide_of(handle)->next.GetDeviceImageSubresourceLayout(handle, &plain_info, layout);
}

const struct vmb_device_commands vmb_provide_image_commands = {
	.CreateImage = create_image,
	.DestroyImage = destroy_image,
	.GetImageMemoryRequirements = get_requirements,
	.GetImageMemoryRequirements2 = get_requirements2,
	.GetDeviceImageMemoryRequirements = get_device_requirements,
	.GetImageSparseMemoryRequirements = get_sparse_requirements,
	.GetImageSparseMemoryRequirements2 = get_sparse_requirements2,
	.GetDeviceImageSparseMemoryRequirements = get_device_sparse_requirements,
	.GetDeviceImageSubresourceLayout = get_subresource_layout,
};
