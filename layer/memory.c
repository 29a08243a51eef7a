/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <stdlib.h>

#include "chain.h"

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

static struct vmb_memory *allocate(
	struct vmb_device *device, const VkMemoryAllocateInfo *info, VkResult *result)
{
	struct vmb_memory *memory = calloc(1, sizeof(*memory));

	if (!memory) {
		*result = VK_ERROR_OUT_OF_HOST_MEMORY;
		return NULL;
	}
	memory->device = device;
	int ret = device->vm->impl->back(
		device->vm, vmb_device_round_up(device, info->allocationSize), &memory->backing);
	if (ret < 0) {
		vmb_device_log(device, VMB_LOG_WARN,
			"no room for a memory allocation of %llu bytes",
			(unsigned long long)info->allocationSize);
		*result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
		free(memory);
		return NULL;
	}
	return memory;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_AllocateMemory(VkDevice handle, const VkMemoryAllocateInfo *info,
	const VkAllocationCallbacks *allocator, VkDeviceMemory *out)
{
	struct vmb_device *device = vmb_device_of(handle);
	VkResult result = VK_SUCCESS;

	if (!device->vm || info->allocationSize == 0 || is_the_drivers(info) ||
		!(device->import_types >> info->memoryTypeIndex & 1)) {
		return device->next.AllocateMemory(handle, info, allocator, out);
	}
	/* The driver would refuse what exceeds the heap; importing, it cannot know. */
	if (info->allocationSize > device->heap_sizes[info->memoryTypeIndex]) {
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	struct vmb_memory *memory = allocate(device, info, &result);
	if (!memory) {
		return result;
	}
	result = vmb_memory_import(device, memory->backing.map, memory->backing.size,
		info->memoryTypeIndex, info->pNext, allocator, &memory->handle);
	if (result != VK_SUCCESS) {
		goto fail;
	}
	if (vmb_map_insert(&device->memories, (uint64_t)memory->handle, memory) < 0) {
		result = VK_ERROR_OUT_OF_HOST_MEMORY;
		goto fail;
	}
	*out = memory->handle;
	return VK_SUCCESS;

fail:
	vmb_memory_destroy(memory, allocator);
	return result;
}

void vmb_memory_destroy(struct vmb_memory *memory, const VkAllocationCallbacks *allocator)
{
	struct vmb_device *device = memory->device;

	device->next.FreeMemory(device->handle, memory->handle, allocator);
	device->vm->impl->unback(device->vm, &memory->backing,
		atomic_load_explicit(&memory->was_bound, memory_order_relaxed));
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
