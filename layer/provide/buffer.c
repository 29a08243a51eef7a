/* SPDX-License-Identifier: MIT */
#include "provide/buffer.h"

#include "assist/assist.h"
#include "provide/resource.h"
#include "vk/chain.h"

/*
 * Where the VM makes the memory, all memory of the device may be imported, and a buffer bound to such
 * memory has to be created for it (VUID-vkBindBufferMemory-memory-02985). If the application names handle types of
 * its own the buffer is for memory of those, which the layer leaves alone.
 */
static VkResult create_plain(struct vmb_device *device, const VkBufferCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkBuffer *out)
{
	const VkExternalMemoryBufferCreateInfo external = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
		.pNext = info->pNext,
		.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
	};
	VkBufferCreateInfo plain = *info;

	plain.flags &= ~(VkBufferCreateFlags)VMB_BUFFER_SPARSE_FLAGS;
	if (vmb_vm_imports(device->vm) &&
		!vmb_chain_find(
			info->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO)) {
		plain.pNext = &external;
	}
	return device->next.CreateBuffer(device->handle, &plain, allocator, out);
}

static VkResult create_resource(
	struct vmb_device *device, VkBuffer buffer, struct vmb_resource **out)
{
	VkMemoryRequirements requirements;
	VkResult result;

	device->next.GetBufferMemoryRequirements(device->handle, buffer, &requirements);
	vmb_resource_requirements(device, &requirements);
	result = vmb_resource_create(device, &requirements, out);
	if (result != VK_SUCCESS) {
		return result;
	}
	result = device->next.BindBufferMemory(device->handle, buffer, (*out)->memory, 0);
	if (result == VK_SUCCESS && vmb_map_insert(&device->buffers, (uint64_t)buffer, *out) < 0) {
		result = VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	return result;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_CreateBuffer(VkDevice handle, const VkBufferCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkBuffer *out)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct vmb_resource *resource = NULL;
	VkBuffer buffer = VK_NULL_HANDLE;

	if (device->route == VMB_ROUTE_ASSIST) {
		return vmb_assist_create_buffer(device, info, allocator, out);
	}
	if (!device->vm) {
		return device->next.CreateBuffer(handle, info, allocator, out);
	}
	VkResult result = create_plain(device, info, allocator, &buffer);
	if (result != VK_SUCCESS || !(info->flags & VK_BUFFER_CREATE_SPARSE_BINDING_BIT)) {
		*out = buffer;
		return result;
	}
	result = create_resource(device, buffer, &resource);
	if (result != VK_SUCCESS) {
		device->next.DestroyBuffer(handle, buffer, allocator);
		vmb_resource_destroy(resource);
		*out = VK_NULL_HANDLE;
		return result;
	}
	vmb_count(&device->stats.buffers, 1);
	*out = buffer;
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL vmb_DestroyBuffer(
	VkDevice handle, VkBuffer buffer, const VkAllocationCallbacks *allocator)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct vmb_resource *resource = device->vm
		? vmb_map_remove(&device->buffers, (uint64_t)buffer)
		: NULL;

	device->next.DestroyBuffer(handle, buffer, allocator);
	vmb_resource_destroy(resource);
}

static bool is_sparse(struct vmb_device *device, VkBuffer buffer)
{
	return device->vm && vmb_map_find(&device->buffers, (uint64_t)buffer);
}

VKAPI_ATTR void VKAPI_CALL vmb_GetBufferMemoryRequirements(
	VkDevice handle, VkBuffer buffer, VkMemoryRequirements *requirements)
{
	struct vmb_device *device = vmb_device_of(handle);

	device->next.GetBufferMemoryRequirements(handle, buffer, requirements);
	if (is_sparse(device, buffer)) {
		vmb_resource_requirements(device, requirements);
	}
}

VKAPI_ATTR void VKAPI_CALL vmb_GetBufferMemoryRequirements2(VkDevice handle,
	const VkBufferMemoryRequirementsInfo2 *info, VkMemoryRequirements2 *requirements)
{
	struct vmb_device *device = vmb_device_of(handle);

	device->next.GetBufferMemoryRequirements2(handle, info, requirements);
	if (is_sparse(device, info->buffer)) {
		vmb_resource_requirements2(device, requirements);
	}
}

VKAPI_ATTR void VKAPI_CALL vmb_GetDeviceBufferMemoryRequirements(VkDevice handle,
	const VkDeviceBufferMemoryRequirements *info, VkMemoryRequirements2 *requirements)
{
	struct vmb_device *device = vmb_device_of(handle);
	VkBufferCreateInfo plain = *info->pCreateInfo;
	VkDeviceBufferMemoryRequirements asked = *info;

	if (!device->vm || !(plain.flags & VMB_BUFFER_SPARSE_FLAGS)) {
		device->next.GetDeviceBufferMemoryRequirements(handle, info, requirements);
		return;
	}
	plain.flags &= ~(VkBufferCreateFlags)VMB_BUFFER_SPARSE_FLAGS;
	asked.pCreateInfo = &plain;
	device->next.GetDeviceBufferMemoryRequirements(handle, &asked, requirements);
	vmb_resource_requirements2(device, requirements);
}
