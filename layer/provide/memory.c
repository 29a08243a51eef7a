/* SPDX-License-Identifier: MIT */
#include "provide/memory.h"

#include <errno.h>
#include <stdlib.h>

#include "ioctl/intercept.h"
#include "virtgpu/memory.h"
#include "vk/chain.h"

VkResult vmb_memory_import(struct vmb_device *device, void *host, VkDeviceSize size,
	uint32_t memory_type, const void *chain, const VkAllocationCallbacks *allocator,
	VkDeviceMemory *out)
{
	const VkImportMemoryHostPointerInfoEXT import = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
		.pNext = chain,
		.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
		.pHostPointer = host,
	};
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = &import,
		.allocationSize = size,
		.memoryTypeIndex = memory_type,
	};

	return device->next.AllocateMemory(device->handle, &info, allocator, out);
}

/*
 * Whether an allocation can only ever be used in ways that leave its backing to the driver: it
 * comes from or goes to somebody else, replays an address, or is dedicated to one resource that is
 * bound as a whole.
 */
static bool is_the_drivers(const VkMemoryAllocateInfo *info)
{
	for (const VkBaseInStructure *node = info->pNext; node; node = node->pNext) {
		switch ((int)node->sType) {
		case VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO:
			if (((const VkExportMemoryAllocateInfo *)node)->handleTypes) {
				return true;
			}
			break;
		case VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR:
			if (((const VkImportMemoryFdInfoKHR *)node)->handleType) {
				return true;
			}
			break;
		case VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT:
			if (((const VkImportMemoryHostPointerInfoEXT *)node)->handleType) {
				return true;
			}
			break;
		case VK_STRUCTURE_TYPE_MEMORY_OPAQUE_CAPTURE_ADDRESS_ALLOCATE_INFO:
			if (((const VkMemoryOpaqueCaptureAddressAllocateInfo *)node)
					->opaqueCaptureAddress) {
				return true;
			}
			break;
		case VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO:
			if (((const VkMemoryDedicatedAllocateInfo *)node)->buffer ||
				((const VkMemoryDedicatedAllocateInfo *)node)->image) {
				return true;
			}
			break;
		default:
			break;
		}
	}
	return false;
}

/* Has the driver import memory that the VM makes. */
static VkResult import_memory(struct vmb_memory *memory, const VkMemoryAllocateInfo *info,
	const VkAllocationCallbacks *allocator)
{
	struct vmb_device *device = memory->device;

	/* The driver would refuse what exceeds the heap; importing, it cannot know. */
	if (info->allocationSize > device->heap_sizes[info->memoryTypeIndex]) {
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	int ret = device->vm->impl->back(
		device->vm, vmb_device_round_up(device, info->allocationSize), &memory->backing);
	if (ret < 0) {
		vmb_device_log(device, VMB_LOG_WARN,
			"no room for a memory allocation of %llu bytes",
			(unsigned long long)info->allocationSize);
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	return vmb_memory_import(device, memory->backing.map, memory->backing.size,
		info->memoryTypeIndex, info->pNext, allocator, &memory->handle);
}

/* Has the driver allocate, and the VM see it. Memory that the VM makes nothing of is the driver's
 * alone: it stays without a backing. */
static VkResult watch_memory(struct vmb_memory *memory, const VkMemoryAllocateInfo *info,
	const VkAllocationCallbacks *allocator)
{
	struct vmb_device *device = memory->device;
	struct vmb_vm *vm = device->vm;
	struct vmb_scope scope;

	vm->impl->watch(vm, &scope, VMB_SCOPE_MEMORY);
	VkResult result = device->next.AllocateMemory(
		device->handle, info, allocator, &memory->handle);
	int ret = vm->impl->backed(vm, &scope, &memory->backing);
	if (result != VK_SUCCESS) {
		memory->handle = VK_NULL_HANDLE;
		return result;
	}
	return ret == -ENOMEM ? VK_ERROR_OUT_OF_HOST_MEMORY : VK_SUCCESS;
}

/* Whether memory can be made that sparse resources can be bound to. Importing takes the driver's own
 * backing out of its hands, so not from everybody. */
static bool can_bind(const struct vmb_device *device, const VkMemoryAllocateInfo *info)
{
	if (!vmb_vm_imports(device->vm)) {
		return true;
	}
	return info->allocationSize && !is_the_drivers(info) &&
		(device->sparse_types >> info->memoryTypeIndex & 1);
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_AllocateMemory(VkDevice handle, const VkMemoryAllocateInfo *info,
	const VkAllocationCallbacks *allocator, VkDeviceMemory *out)
{
	struct vmb_device *device = vmb_device_of(handle);

	if (!device->vm || !can_bind(device, info)) {
		return vmb_deferral_allocate(device, info, allocator, out);
	}
	struct vmb_memory *memory = calloc(1, sizeof(*memory));
	if (!memory) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	memory->device = device;
	VkResult result = vmb_vm_imports(device->vm) ? import_memory(memory, info, allocator)
						     : watch_memory(memory, info, allocator);
	if (result != VK_SUCCESS) {
		goto fail;
	}
	*out = memory->handle;
	if (!memory->backing.size) {
		free(memory);
		return VK_SUCCESS;
	}
	if (vmb_map_insert(&device->memories, (uint64_t)memory->handle, memory) < 0) {
		result = VK_ERROR_OUT_OF_HOST_MEMORY;
		goto fail;
	}
	return VK_SUCCESS;

fail:
	vmb_memory_destroy(memory, allocator);
	return result;
}

void vmb_memory_destroy(struct vmb_memory *memory, const VkAllocationCallbacks *allocator)
{
	struct vmb_device *device = memory->device;
	struct vmb_vm *vm = device->vm;
	bool was_bound = atomic_load_explicit(&memory->was_bound, memory_order_relaxed);

	/* What the driver imported goes after it, what it allocated is forgotten before. */
	if (!vmb_vm_imports(vm)) {
		vm->impl->unback(vm, &memory->backing, was_bound);
	}
	device->next.FreeMemory(device->handle, memory->handle, allocator);
	if (vmb_vm_imports(vm)) {
		vm->impl->unback(vm, &memory->backing, was_bound);
	}
	free(memory);
}

VKAPI_ATTR void VKAPI_CALL vmb_FreeMemory(
	VkDevice handle, VkDeviceMemory memory_handle, const VkAllocationCallbacks *allocator)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct vmb_memory *memory = device->vm
		? vmb_map_remove(&device->memories, (uint64_t)memory_handle)
		: NULL;

	if (memory) {
		vmb_memory_destroy(memory, allocator);
		return;
	}
	device->next.FreeMemory(handle, memory_handle, allocator);
}
