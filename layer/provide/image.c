/* SPDX-License-Identifier: MIT */
#include "provide/image.h"

#include "assist/assist.h"
#include "provide/resource.h"
#include "vk/chain.h"

bool vmb_image_flags_provided(VkImageCreateFlags flags)
{
	/* Residency needs the driver to know of tiles; a disjoint image is bound plane by plane,
	 * for which vkQueueBindSparse has no words. */
	return !(flags & (VK_IMAGE_CREATE_SPARSE_RESIDENCY_BIT | VK_IMAGE_CREATE_DISJOINT_BIT));
}

/*
 * As for buffers, an image bound to imported memory has to be created for it
 * (VUID-vkBindImageMemory-memory-02989). An image of preinitialized layout cannot be
 * (VUID-VkImageCreateInfo-pNext-01443) and is left as it is.
 */
static VkResult create_plain(struct vmb_device *device, const VkImageCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkImage *out)
{
	const VkExternalMemoryImageCreateInfo external = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
		.pNext = info->pNext,
		.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
	};
	VkImageCreateInfo plain = *info;

	plain.flags &= ~VMB_IMAGE_SPARSE_FLAGS;
	if (vmb_vm_imports(device->vm) && info->initialLayout == VK_IMAGE_LAYOUT_UNDEFINED &&
		!vmb_chain_find(info->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO) &&
		!vmb_chain_find(info->pNext, VK_STRUCTURE_TYPE_IMAGE_SWAPCHAIN_CREATE_INFO_KHR)) {
		plain.pNext = &external;
	}
	return device->next.CreateImage(device->handle, &plain, allocator, out);
}

static VkResult create_resource(struct vmb_device *device, VkImage image, struct vmb_resource **out)
{
	VkMemoryRequirements requirements;
	VkResult result;

	device->next.GetImageMemoryRequirements(device->handle, image, &requirements);
	vmb_resource_requirements(device, &requirements);
	result = vmb_resource_create(device, &requirements, out);
	if (result != VK_SUCCESS) {
		return result;
	}
	result = device->next.BindImageMemory(device->handle, image, (*out)->memory, 0);
	if (result == VK_SUCCESS && vmb_map_insert(&device->images, (uint64_t)image, *out) < 0) {
		result = VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	return result;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_CreateImage(VkDevice handle, const VkImageCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkImage *out)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct vmb_resource *resource = NULL;
	VkImage image = VK_NULL_HANDLE;

	if (device->route == VMB_ROUTE_ASSIST) {
		return vmb_assist_create_image(device, info, allocator, out);
	}
	if (!device->vm) {
		return device->next.CreateImage(handle, info, allocator, out);
	}
	bool is_sparse = info->flags & VMB_IMAGE_SPARSE_FLAGS;
	if (is_sparse && !vmb_image_flags_provided(info->flags)) {
		*out = VK_NULL_HANDLE;
		return VK_ERROR_FEATURE_NOT_PRESENT;
	}
	VkResult result = create_plain(device, info, allocator, &image);
	if (result != VK_SUCCESS || !is_sparse) {
		*out = image;
		return result;
	}
	result = create_resource(device, image, &resource);
	if (result != VK_SUCCESS) {
		device->next.DestroyImage(handle, image, allocator);
		vmb_resource_destroy(resource);
		*out = VK_NULL_HANDLE;
		return result;
	}
	vmb_count(&device->stats.images, 1);
	*out = image;
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL vmb_DestroyImage(
	VkDevice handle, VkImage image, const VkAllocationCallbacks *allocator)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct vmb_resource *resource = device->vm
		? vmb_map_remove(&device->images, (uint64_t)image)
		: NULL;

	device->next.DestroyImage(handle, image, allocator);
	vmb_resource_destroy(resource);
}

static bool is_sparse_image(struct vmb_device *device, VkImage image)
{
	return device->vm && vmb_map_find(&device->images, (uint64_t)image);
}

VKAPI_ATTR void VKAPI_CALL vmb_GetImageMemoryRequirements(
	VkDevice handle, VkImage image, VkMemoryRequirements *requirements)
{
	struct vmb_device *device = vmb_device_of(handle);

	device->next.GetImageMemoryRequirements(handle, image, requirements);
	if (is_sparse_image(device, image)) {
		vmb_resource_requirements(device, requirements);
	}
}

VKAPI_ATTR void VKAPI_CALL vmb_GetImageMemoryRequirements2(VkDevice handle,
	const VkImageMemoryRequirementsInfo2 *info, VkMemoryRequirements2 *requirements)
{
	struct vmb_device *device = vmb_device_of(handle);

	device->next.GetImageMemoryRequirements2(handle, info, requirements);
	if (is_sparse_image(device, info->image)) {
		vmb_resource_requirements2(device, requirements);
	}
}

VKAPI_ATTR void VKAPI_CALL vmb_GetDeviceImageMemoryRequirements(VkDevice handle,
	const VkDeviceImageMemoryRequirements *info, VkMemoryRequirements2 *requirements)
{
	struct vmb_device *device = vmb_device_of(handle);
	VkImageCreateInfo plain = *info->pCreateInfo;
	VkDeviceImageMemoryRequirements asked = *info;

	if (!device->vm || !(plain.flags & VMB_IMAGE_SPARSE_FLAGS)) {
		device->next.GetDeviceImageMemoryRequirements(handle, info, requirements);
		return;
	}
	plain.flags &= ~VMB_IMAGE_SPARSE_FLAGS;
	asked.pCreateInfo = &plain;
	device->next.GetDeviceImageMemoryRequirements(handle, &asked, requirements);
	vmb_resource_requirements2(device, requirements);
}

/* No image of the provide route is resident by blocks, and the driver knows of no other. */

VKAPI_ATTR void VKAPI_CALL vmb_GetImageSparseMemoryRequirements(VkDevice handle, VkImage image,
	uint32_t *count, VkSparseImageMemoryRequirements *requirements)
{
	struct vmb_device *device = vmb_device_of(handle);

	if (device->vm) {
		*count = 0;
		return;
	}
	device->next.GetImageSparseMemoryRequirements(handle, image, count, requirements);
}

VKAPI_ATTR void VKAPI_CALL vmb_GetImageSparseMemoryRequirements2(VkDevice handle,
	const VkImageSparseMemoryRequirementsInfo2 *info, uint32_t *count,
	VkSparseImageMemoryRequirements2 *requirements)
{
	struct vmb_device *device = vmb_device_of(handle);

	if (device->vm) {
		*count = 0;
		return;
	}
	device->next.GetImageSparseMemoryRequirements2(handle, info, count, requirements);
}

VKAPI_ATTR void VKAPI_CALL vmb_GetDeviceImageSparseMemoryRequirements(VkDevice handle,
	const VkDeviceImageMemoryRequirements *info, uint32_t *count,
	VkSparseImageMemoryRequirements2 *requirements)
{
	struct vmb_device *device = vmb_device_of(handle);

	if (device->vm) {
		*count = 0;
		return;
	}
	device->next.GetDeviceImageSparseMemoryRequirements(handle, info, count, requirements);
}

#ifdef VK_KHR_maintenance5
VKAPI_ATTR void VKAPI_CALL vmb_GetDeviceImageSubresourceLayout(VkDevice handle,
	const VkDeviceImageSubresourceInfoKHR *info, VkSubresourceLayout2KHR *layout)
{
	struct vmb_device *device = vmb_device_of(handle);
	VkImageCreateInfo plain = *info->pCreateInfo;
	VkDeviceImageSubresourceInfoKHR asked = *info;

	if (device->vm) {
		plain.flags &= ~VMB_IMAGE_SPARSE_FLAGS;
		asked.pCreateInfo = &plain;
	}
	device->next.GetDeviceImageSubresourceLayoutKHR(handle, &asked, layout);
}
#endif
