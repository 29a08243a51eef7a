/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_BUFFER_H
#define VMB_PROVIDE_BUFFER_H

#include <vulkan/vulkan.h>

#define VMB_BUFFER_SPARSE_FLAGS \
	(VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT | \
		VK_BUFFER_CREATE_SPARSE_ALIASED_BIT)

VKAPI_ATTR VkResult VKAPI_CALL vmb_CreateBuffer(VkDevice handle, const VkBufferCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkBuffer *out);
VKAPI_ATTR void VKAPI_CALL vmb_DestroyBuffer(
	VkDevice handle, VkBuffer buffer, const VkAllocationCallbacks *allocator);
VKAPI_ATTR void VKAPI_CALL vmb_GetBufferMemoryRequirements(
	VkDevice handle, VkBuffer buffer, VkMemoryRequirements *requirements);
VKAPI_ATTR void VKAPI_CALL vmb_GetBufferMemoryRequirements2(VkDevice handle,
	const VkBufferMemoryRequirementsInfo2 *info, VkMemoryRequirements2 *requirements);
VKAPI_ATTR void VKAPI_CALL vmb_GetDeviceBufferMemoryRequirements(VkDevice handle,
	const VkDeviceBufferMemoryRequirements *info, VkMemoryRequirements2 *requirements);

#endif
