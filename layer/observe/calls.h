/* SPDX-License-Identifier: MIT */
#ifndef VMB_OBSERVE_CALLS_H
#define VMB_OBSERVE_CALLS_H

#include <vulkan/vulkan.h>

#include "base/trace.h"
#include "vk/device.h"

/*
 * The functions that are given out while a trace is written: each calls the one that it stands for, and
 * writes of it. Without a trace nobody sees them, and they cost nothing.
 */

/* What to give out in the place of one of the layer's functions; itself if there is nothing to say of it. */
PFN_vkVoidFunction vmb_traced(PFN_vkVoidFunction function);

/* Says of vkCreateDevice what became of it. */
void vmb_traced_device(struct vmb_trace_slice *slice, const struct vmb_device *device);

/* For those in other files: ends a slice with the result, and returns it. */
VkResult vmb_traced_end(struct vmb_trace_slice *slice, VkResult result);

VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_AllocateMemory(VkDevice handle,
	const VkMemoryAllocateInfo *info, const VkAllocationCallbacks *allocator,
	VkDeviceMemory *out);
VKAPI_ATTR void VKAPI_CALL vmb_traced_FreeMemory(
	VkDevice handle, VkDeviceMemory memory, const VkAllocationCallbacks *allocator);
VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_CreateBuffer(VkDevice handle,
	const VkBufferCreateInfo *info, const VkAllocationCallbacks *allocator, VkBuffer *out);
VKAPI_ATTR void VKAPI_CALL vmb_traced_DestroyBuffer(
	VkDevice handle, VkBuffer buffer, const VkAllocationCallbacks *allocator);
VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_CreateImage(VkDevice handle,
	const VkImageCreateInfo *info, const VkAllocationCallbacks *allocator, VkImage *out);
VKAPI_ATTR void VKAPI_CALL vmb_traced_DestroyImage(
	VkDevice handle, VkImage image, const VkAllocationCallbacks *allocator);
VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_MapMemory(VkDevice handle, VkDeviceMemory memory,
	VkDeviceSize offset, VkDeviceSize size, VkMemoryMapFlags flags, void **out);
#ifdef VK_KHR_map_memory2
VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_MapMemory2(
	VkDevice handle, const VkMemoryMapInfoKHR *info, void **out);
#endif
VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_BindImageMemory(
	VkDevice handle, VkImage image, VkDeviceMemory memory, VkDeviceSize offset);
VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_BindImageMemory2(
	VkDevice handle, uint32_t count, const VkBindImageMemoryInfo *infos);
VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_QueueBindSparse(
	VkQueue handle, uint32_t count, const VkBindSparseInfo *infos, VkFence fence);
/* Stands for the driver's own. */
VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_SetDebugUtilsObjectNameEXT(
	VkDevice handle, const VkDebugUtilsObjectNameInfoEXT *info);

#endif
