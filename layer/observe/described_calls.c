/* SPDX-License-Identifier: MIT */
#include "observe/described_calls.h"

#include "observe/calls.h"
#include "observe/device.h"
#include "observe/resource.h"

static VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice handle,
	const VkMemoryAllocateInfo *info, const VkAllocationCallbacks *allocator,
	VkDeviceMemory *out)
{
	struct vmb_observe *observe = vmb_observe_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, observe->trace, "vkAllocateMemory");
	VkResult result = observe->next.AllocateMemory(handle, info, allocator, out);
	vmb_trace_number(&slice.args, "size", info->allocationSize);
	vmb_trace_number(&slice.args, "type", info->memoryTypeIndex);
	if (result == VK_SUCCESS) {
		vmb_trace_hex(&slice.args, "memory", (uint64_t)*out);
	}
	return vmb_observe_end(&slice, result);
}

static VKAPI_ATTR void VKAPI_CALL free_memory(
	VkDevice handle, VkDeviceMemory memory, const VkAllocationCallbacks *allocator)
{
	struct vmb_observe *observe = vmb_observe_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, observe->trace, "vkFreeMemory");
	vmb_trace_hex(&slice.args, "memory", (uint64_t)memory);
	observe->next.FreeMemory(handle, memory, allocator);
	vmb_trace_end(&slice);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_buffer(VkDevice handle, const VkBufferCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkBuffer *out)
{
	struct vmb_observe *observe = vmb_observe_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, observe->trace, "vkCreateBuffer");
	VkResult result = observe->next.CreateBuffer(handle, info, allocator, out);
	vmb_trace_number(&slice.args, "size", info->size);
	if (result == VK_SUCCESS) {
		vmb_trace_hex(&slice.args, "buffer", (uint64_t)*out);
	}
	if (result == VK_SUCCESS && (info->flags & VK_BUFFER_CREATE_SPARSE_BINDING_BIT)) {
		vmb_observed_buffer_add(observe, *out, &slice);
	}
	return vmb_observe_end(&slice, result);
}

static VKAPI_ATTR void VKAPI_CALL destroy_buffer(
	VkDevice handle, VkBuffer buffer, const VkAllocationCallbacks *allocator)
{
	struct vmb_observe *observe = vmb_observe_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, observe->trace, "vkDestroyBuffer");
	vmb_trace_hex(&slice.args, "buffer", (uint64_t)buffer);
	vmb_observed_buffer_remove(observe, buffer);
	observe->next.DestroyBuffer(handle, buffer, allocator);
	vmb_trace_end(&slice);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_image(VkDevice handle, const VkImageCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkImage *out)
{
	struct vmb_observe *observe = vmb_observe_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, observe->trace, "vkCreateImage");
	VkResult result = observe->next.CreateImage(handle, info, allocator, out);
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
		vmb_observed_image_add(observe, *out, info, &slice);
	}
	return vmb_observe_end(&slice, result);
}

static VKAPI_ATTR void VKAPI_CALL destroy_image(
	VkDevice handle, VkImage image, const VkAllocationCallbacks *allocator)
{
	struct vmb_observe *observe = vmb_observe_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, observe->trace, "vkDestroyImage");
	vmb_trace_hex(&slice.args, "image", (uint64_t)image);
	vmb_observed_image_remove(observe, image);
	observe->next.DestroyImage(handle, image, allocator);
	vmb_trace_end(&slice);
}

static void add_range(struct vmb_trace_slice *slice, VkDeviceMemory memory, VkDeviceSize offset)
{
	vmb_trace_hex(&slice->args, "memory", (uint64_t)memory);
	vmb_trace_number(&slice->args, "offset", offset);
}

static VKAPI_ATTR VkResult VKAPI_CALL map_memory(VkDevice handle, VkDeviceMemory memory,
	VkDeviceSize offset, VkDeviceSize size, VkMemoryMapFlags flags, void **out)
{
	struct vmb_observe *observe = vmb_observe_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, observe->trace, "vkMapMemory");
	add_range(&slice, memory, offset);
	vmb_trace_number(&slice.args, "size", size);
	return vmb_observe_end(
		&slice, observe->next.MapMemory(handle, memory, offset, size, flags, out));
}

static VKAPI_ATTR VkResult VKAPI_CALL map_memory2(
	VkDevice handle, const VkMemoryMapInfoKHR *info, void **out)
{
	struct vmb_observe *observe = vmb_observe_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, observe->trace, "vkMapMemory2");
	add_range(&slice, info->memory, info->offset);
	vmb_trace_number(&slice.args, "size", info->size);
	return vmb_observe_end(&slice, observe->next.MapMemory2(handle, info, out));
}

static VKAPI_ATTR VkResult VKAPI_CALL bind_image_memory(
	VkDevice handle, VkImage image, VkDeviceMemory memory, VkDeviceSize offset)
{
	struct vmb_observe *observe = vmb_observe_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, observe->trace, "vkBindImageMemory");
	vmb_trace_hex(&slice.args, "image", (uint64_t)image);
	add_range(&slice, memory, offset);
	return vmb_observe_end(
		&slice, observe->next.BindImageMemory(handle, image, memory, offset));
}

static VKAPI_ATTR VkResult VKAPI_CALL bind_image_memory2(
	VkDevice handle, uint32_t count, const VkBindImageMemoryInfo *infos)
{
	struct vmb_observe *observe = vmb_observe_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, observe->trace, "vkBindImageMemory2");
	vmb_trace_number(&slice.args, "images", count);
	if (count == 1) {
		vmb_trace_hex(&slice.args, "image", (uint64_t)infos->image);
		add_range(&slice, infos->memory, infos->memoryOffset);
	}
	return vmb_observe_end(&slice, observe->next.BindImageMemory2(handle, count, infos));
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

static VKAPI_ATTR VkResult VKAPI_CALL bind_sparse(
	VkQueue handle, uint32_t count, const VkBindSparseInfo *infos, VkFence fence)
{
	struct vmb_observe *observe = vmb_observe_of(handle);
	struct vmb_trace_slice slice;
	uint64_t binds = 0;

	vmb_trace_begin(&slice, observe->trace, "vkQueueBindSparse");
	VkResult result = observe->next.QueueBindSparse(handle, count, infos, fence);
	for (uint32_t i = 0; i < count; i++) {
		binds += count_binds(&infos[i]);
		if (result == VK_SUCCESS) {
			vmb_observed_bound(observe, &infos[i]);
		}
	}
	vmb_trace_hex(&slice.args, "queue", (uintptr_t)handle);
	vmb_trace_number(&slice.args, "batches", count);
	vmb_trace_number(&slice.args, "binds", binds);
	return vmb_observe_end(&slice, result);
}

static VKAPI_ATTR VkResult VKAPI_CALL set_object_name(
	VkDevice handle, const VkDebugUtilsObjectNameInfoEXT *info)
{
	struct vmb_observe *observe = vmb_observe_of(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, observe->trace, "vkSetDebugUtilsObjectNameEXT");
	VkResult result = observe->next.SetDebugUtilsObjectNameEXT(handle, info);
	vmb_trace_number(&slice.args, "type", info->objectType);
	vmb_trace_hex(&slice.args, "object", info->objectHandle);
	vmb_trace_text(&slice.args, "name", info->pObjectName ? info->pObjectName : "");
	return vmb_observe_end(&slice, result);
}

const struct vmb_device_commands vmb_observe_described_always = {
	.AllocateMemory = allocate_memory,
	.FreeMemory = free_memory,
	.CreateBuffer = create_buffer,
	.DestroyBuffer = destroy_buffer,
	.CreateImage = create_image,
	.DestroyImage = destroy_image,
	.QueueBindSparse = bind_sparse,
	.SetDebugUtilsObjectNameEXT = set_object_name,
};

const struct vmb_device_commands vmb_observe_described = {
	.MapMemory = map_memory,
	.MapMemory2 = map_memory2,
	.BindImageMemory = bind_image_memory,
	.BindImageMemory2 = bind_image_memory2,
};
