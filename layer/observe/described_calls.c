/* SPDX-License-Identifier: MIT */
#include "observe/calls.h"

#include "observe/resource.h"
#include "provide/bind_call.h"
#include "provide/buffer.h"
#include "provide/image.h"
#include "provide/memory.h"
#include "virtgpu/memory.h"

/* The calls of which a trace says more than their result. */

VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_AllocateMemory(VkDevice handle,
	const VkMemoryAllocateInfo *info, const VkAllocationCallbacks *allocator,
	VkDeviceMemory *out)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, device->trace, "vkAllocateMemory");
	VkResult result = vmb_AllocateMemory(handle, info, allocator, out);
	vmb_trace_number(&slice.args, "size", info->allocationSize);
	vmb_trace_number(&slice.args, "type", info->memoryTypeIndex);
	if (result == VK_SUCCESS) {
		vmb_trace_hex(&slice.args, "memory", (uint64_t)*out);
	}
	struct vmb_memory *memory = result == VK_SUCCESS && device->vm
		? vmb_map_find(&device->memories, (uint64_t)*out)
		: NULL;
	if (memory && vmb_vm_imports(device->vm)) {
		vmb_trace_number(&slice.args, "backing", memory->backing.id);
		vmb_trace_number(&slice.args, "backing_offset", memory->backing.offset);
	}
	return vmb_traced_end(&slice, result);
}

VKAPI_ATTR void VKAPI_CALL vmb_traced_FreeMemory(
	VkDevice handle, VkDeviceMemory memory, const VkAllocationCallbacks *allocator)
{
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, vmb_device_of(handle)->trace, "vkFreeMemory");
	vmb_trace_hex(&slice.args, "memory", (uint64_t)memory);
	vmb_FreeMemory(handle, memory, allocator);
	vmb_trace_end(&slice);
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_CreateBuffer(VkDevice handle,
	const VkBufferCreateInfo *info, const VkAllocationCallbacks *allocator, VkBuffer *out)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, device->trace, "vkCreateBuffer");
	VkResult result = vmb_CreateBuffer(handle, info, allocator, out);
	vmb_trace_number(&slice.args, "size", info->size);
	if (result == VK_SUCCESS) {
		vmb_trace_hex(&slice.args, "buffer", (uint64_t)*out);
	}
	if (result == VK_SUCCESS && (info->flags & VK_BUFFER_CREATE_SPARSE_BINDING_BIT)) {
		vmb_traced_buffer_add(device, *out, &slice);
	}
	return vmb_traced_end(&slice, result);
}

VKAPI_ATTR void VKAPI_CALL vmb_traced_DestroyBuffer(
	VkDevice handle, VkBuffer buffer, const VkAllocationCallbacks *allocator)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, device->trace, "vkDestroyBuffer");
	vmb_trace_hex(&slice.args, "buffer", (uint64_t)buffer);
	vmb_traced_buffer_remove(device, buffer);
	vmb_DestroyBuffer(handle, buffer, allocator);
	vmb_trace_end(&slice);
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_CreateImage(VkDevice handle,
	const VkImageCreateInfo *info, const VkAllocationCallbacks *allocator, VkImage *out)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, device->trace, "vkCreateImage");
	VkResult result = vmb_CreateImage(handle, info, allocator, out);
	vmb_trace_number(&slice.args, "format", info->format);
	vmb_trace_number(&slice.args, "width", info->extent.width);
	vmb_trace_number(&slice.args, "height", info->extent.height);
	vmb_trace_number(&slice.args, "depth", info->extent.depth);
	vmb_trace_number(&slice.args, "levels", info->mipLevels);
	vmb_trace_number(&slice.args, "layers", info->arrayLayers);
	if (result == VK_SUCCESS) {
		vmb_trace_hex(&slice.args, "image", (uint64_t)*out);
	}
	if (result == VK_SUCCESS && (info->flags & VK_IMAGE_CREATE_SPARSE_BINDING_BIT)) {
		vmb_traced_image_add(device, *out, info, &slice);
	}
	return vmb_traced_end(&slice, result);
}

VKAPI_ATTR void VKAPI_CALL vmb_traced_DestroyImage(
	VkDevice handle, VkImage image, const VkAllocationCallbacks *allocator)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, device->trace, "vkDestroyImage");
	vmb_trace_hex(&slice.args, "image", (uint64_t)image);
	vmb_traced_image_remove(device, image);
	vmb_DestroyImage(handle, image, allocator);
	vmb_trace_end(&slice);
}

static void add_range(struct vmb_trace_slice *slice, VkDeviceMemory memory, VkDeviceSize offset)
{
	vmb_trace_hex(&slice->args, "memory", (uint64_t)memory);
	vmb_trace_number(&slice->args, "offset", offset);
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_MapMemory(VkDevice handle, VkDeviceMemory memory,
	VkDeviceSize offset, VkDeviceSize size, VkMemoryMapFlags flags, void **out)
{
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, vmb_device_of(handle)->trace, "vkMapMemory");
	add_range(&slice, memory, offset);
	vmb_trace_number(&slice.args, "size", size);
	return vmb_traced_end(&slice, vmb_MapMemory(handle, memory, offset, size, flags, out));
}

#ifdef VK_KHR_map_memory2
VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_MapMemory2(
	VkDevice handle, const VkMemoryMapInfoKHR *info, void **out)
{
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, vmb_device_of(handle)->trace, "vkMapMemory2");
	add_range(&slice, info->memory, info->offset);
	vmb_trace_number(&slice.args, "size", info->size);
	return vmb_traced_end(&slice, vmb_MapMemory2(handle, info, out));
}
#endif

VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_BindImageMemory(
	VkDevice handle, VkImage image, VkDeviceMemory memory, VkDeviceSize offset)
{
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, vmb_device_of(handle)->trace, "vkBindImageMemory");
	vmb_trace_hex(&slice.args, "image", (uint64_t)image);
	add_range(&slice, memory, offset);
	return vmb_traced_end(&slice, vmb_BindImageMemory(handle, image, memory, offset));
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_BindImageMemory2(
	VkDevice handle, uint32_t count, const VkBindImageMemoryInfo *infos)
{
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, vmb_device_of(handle)->trace, "vkBindImageMemory2");
	vmb_trace_number(&slice.args, "images", count);
	if (count == 1) {
		vmb_trace_hex(&slice.args, "image", (uint64_t)infos->image);
		add_range(&slice, infos->memory, infos->memoryOffset);
	}
	return vmb_traced_end(&slice, vmb_BindImageMemory2(handle, count, infos));
}

static uint64_t count_binds(const VkBindSparseInfo *info)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < info->bufferBindCount; i++) {
		count += info->pBufferBinds[i].bindCount;
	}
	for (uint32_t i = 0; i < info->imageOpaqueBindCount; i++) {
		count += info->pImageOpaqueBinds[i].bindCount;
	}
	for (uint32_t i = 0; i < info->imageBindCount; i++) {
		count += info->pImageBinds[i].bindCount;
	}
	return count;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_QueueBindSparse(
	VkQueue handle, uint32_t count, const VkBindSparseInfo *infos, VkFence fence)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct vmb_trace_slice slice;
	uint64_t binds = 0;

	vmb_trace_begin(&slice, device->trace, "vkQueueBindSparse");
	VkResult result = vmb_QueueBindSparse(handle, count, infos, fence);
	for (uint32_t i = 0; i < count; i++) {
		binds += count_binds(&infos[i]);
		if (result == VK_SUCCESS) {
			vmb_traced_bound(device, &infos[i]);
		}
	}
	vmb_trace_hex(&slice.args, "queue", (uintptr_t)handle);
	vmb_trace_number(&slice.args, "batches", count);
	vmb_trace_number(&slice.args, "binds", binds);
	return vmb_traced_end(&slice, result);
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_traced_SetDebugUtilsObjectNameEXT(
	VkDevice handle, const VkDebugUtilsObjectNameInfoEXT *info)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, device->trace, "vkSetDebugUtilsObjectNameEXT");
	VkResult result = device->next.SetDebugUtilsObjectNameEXT(handle, info);
	vmb_trace_number(&slice.args, "type", info->objectType);
	vmb_trace_hex(&slice.args, "object", info->objectHandle);
	vmb_trace_text(&slice.args, "name", info->pObjectName ? info->pObjectName : "");
	return vmb_traced_end(&slice, result);
}
