/* SPDX-License-Identifier: MIT */
#include "provide/commands.h"
#include "provide/external_types.h"
#include "provide/resource.h"
#include "provide/sparse_flags.h"

/* Creates an ordinary buffer. */
static VkResult create_plain(struct vmb_provide *provide, const VkBufferCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkBuffer *out)
{
	struct vmb_external_types types;
	VkBufferCreateInfo plain = *info;

	VkResult result = vmb_external_types_init(
		&types, provide, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, info->pNext);
	if (result != VK_SUCCESS) {
		return result;
	}
	plain.flags &= ~VMB_BUFFER_SPARSE_FLAGS;
	plain.pNext = types.head;
	result = provide->next.CreateBuffer(provide->device->handle, &plain, allocator, out);
	vmb_external_types_finish(&types);
	return result;
}

static VkResult bind_memory(struct vmb_provide *provide, uint64_t buffer, VkDeviceMemory memory)
{
	return provide->next.BindBufferMemory(provide->device->handle, (VkBuffer)buffer, memory, 0);
}

static VkResult make_sparse(struct vmb_provide *provide, VkBuffer buffer)
{
	VkMemoryRequirements requirements;

	provide->next.GetBufferMemoryRequirements(provide->device->handle, buffer, &requirements);
	return vmb_resource_create(
		provide, &provide->buffers, (uint64_t)buffer, &requirements, bind_memory);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_buffer(VkDevice handle, const VkBufferCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkBuffer *out)
{
	struct vmb_provide *provide = vmb_provide_of(handle);
	VkBuffer buffer = VK_NULL_HANDLE;

	VkResult result = create_plain(provide, info, allocator, &buffer);
	if (result != VK_SUCCESS || !(info->flags & VK_BUFFER_CREATE_SPARSE_BINDING_BIT)) {
		*out = buffer;
		return result;
	}
	result = make_sparse(provide, buffer);
	if (result != VK_SUCCESS) {
		provide->next.DestroyBuffer(handle, buffer, allocator);
		*out = VK_NULL_HANDLE;
		return result;
	}
	vmb_count(&provide->device->statistics.buffers, 1);
	*out = buffer;
	return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_buffer(
	VkDevice handle, VkBuffer buffer, const VkAllocationCallbacks *allocator)
{
	struct vmb_provide *provide = vmb_provide_of(handle);
	struct vmb_resource *resource = vmb_map_remove(&provide->buffers, (uint64_t)buffer);

	provide->next.DestroyBuffer(handle, buffer, allocator);
	vmb_resource_destroy(resource);
}

static bool is_sparse(struct vmb_provide *provide, VkBuffer buffer)
{
	return vmb_map_find(&provide->buffers, (uint64_t)buffer);
}

static VKAPI_ATTR void VKAPI_CALL get_requirements(
	VkDevice handle, VkBuffer buffer, VkMemoryRequirements *requirements)
{
	struct vmb_provide *provide = vmb_provide_of(handle);

	provide->next.GetBufferMemoryRequirements(handle, buffer, requirements);
	if (is_sparse(provide, buffer)) {
		vmb_resource_requirements(provide, requirements);
	}
}

static VKAPI_ATTR void VKAPI_CALL get_requirements2(VkDevice handle,
	const VkBufferMemoryRequirementsInfo2 *info, VkMemoryRequirements2 *requirements)
{
	struct vmb_provide *provide = vmb_provide_of(handle);

	provide->next.GetBufferMemoryRequirements2(handle, info, requirements);
	if (is_sparse(provide, info->buffer)) {
		vmb_resource_requirements2(provide, requirements);
	}
}

static VKAPI_ATTR void VKAPI_CALL get_device_requirements(VkDevice handle,
	const VkDeviceBufferMemoryRequirements *info, VkMemoryRequirements2 *requirements)
{
	struct vmb_provide *provide = vmb_provide_of(handle);
	VkBufferCreateInfo plain = *info->pCreateInfo;
	VkDeviceBufferMemoryRequirements plain_info = *info;

	if (!(plain.flags & VMB_BUFFER_SPARSE_FLAGS)) {
		provide->next.GetDeviceBufferMemoryRequirements(handle, info, requirements);
		return;
	}
	plain.flags &= ~VMB_BUFFER_SPARSE_FLAGS;
	plain_info.pCreateInfo = &plain;
	provide->next.GetDeviceBufferMemoryRequirements(handle, &plain_info, requirements);
	vmb_resource_requirements2(provide, requirements);
}

const struct vmb_device_commands vmb_provide_buffer_commands = {
	.CreateBuffer = create_buffer,
	.DestroyBuffer = destroy_buffer,
	.GetBufferMemoryRequirements = get_requirements,
	.GetBufferMemoryRequirements2 = get_requirements2,
	.GetDeviceBufferMemoryRequirements = get_device_requirements,
};
