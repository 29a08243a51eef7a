/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_IMAGE_H
#define VMB_PROVIDE_IMAGE_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

#define VMB_IMAGE_SPARSE_FLAGS \
	((VkImageCreateFlags)(VK_IMAGE_CREATE_SPARSE_BINDING_BIT | \
		VK_IMAGE_CREATE_SPARSE_RESIDENCY_BIT | VK_IMAGE_CREATE_SPARSE_ALIASED_BIT))

/* Whether the provide route can make a sparse image with these flags. */
bool vmb_image_flags_provided(VkImageCreateFlags flags);

VKAPI_ATTR VkResult VKAPI_CALL vmb_CreateImage(VkDevice handle, const VkImageCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkImage *out);
VKAPI_ATTR void VKAPI_CALL vmb_DestroyImage(
	VkDevice handle, VkImage image, const VkAllocationCallbacks *allocator);
VKAPI_ATTR void VKAPI_CALL vmb_GetImageMemoryRequirements(
	VkDevice handle, VkImage image, VkMemoryRequirements *requirements);
VKAPI_ATTR void VKAPI_CALL vmb_GetImageMemoryRequirements2(VkDevice handle,
	const VkImageMemoryRequirementsInfo2 *info, VkMemoryRequirements2 *requirements);
VKAPI_ATTR void VKAPI_CALL vmb_GetDeviceImageMemoryRequirements(VkDevice handle,
	const VkDeviceImageMemoryRequirements *info, VkMemoryRequirements2 *requirements);
VKAPI_ATTR void VKAPI_CALL vmb_GetImageSparseMemoryRequirements(VkDevice handle, VkImage image,
	uint32_t *count, VkSparseImageMemoryRequirements *requirements);
VKAPI_ATTR void VKAPI_CALL vmb_GetImageSparseMemoryRequirements2(VkDevice handle,
	const VkImageSparseMemoryRequirementsInfo2 *info, uint32_t *count,
	VkSparseImageMemoryRequirements2 *requirements);
VKAPI_ATTR void VKAPI_CALL vmb_GetDeviceImageSparseMemoryRequirements(VkDevice handle,
	const VkDeviceImageMemoryRequirements *info, uint32_t *count,
	VkSparseImageMemoryRequirements2 *requirements);
#ifdef VK_KHR_maintenance5
VKAPI_ATTR void VKAPI_CALL vmb_GetDeviceImageSubresourceLayout(VkDevice handle,
	const VkDeviceImageSubresourceInfoKHR *info, VkSubresourceLayout2KHR *layout);
#endif

#endif
