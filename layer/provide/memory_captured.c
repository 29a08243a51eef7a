/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "provide/memory.h"
#include "provide/memory_source.h"
#include "provide/resource.h"
#include "vk/allocator.h"

/* The driver allocates memory, and the VM captures the BOs from the driver's ioctls. */

static VkResult find_types(struct vmb_provide *provide)
{
	provide->sparse_types = UINT32_MAX;
	return VK_SUCCESS;
}

static bool can_back(const struct vmb_provide *provide, const VkMemoryAllocateInfo *info)
{
	(void)provide;
	(void)info;
	return true;
}

static VkResult allocate(struct vmb_memory *memory, const VkMemoryAllocateInfo *info,
	const VkAllocationCallbacks *allocator)
{
	struct vmb_provide *provide = memory->provide;
	struct vmb_vm *vm = provide->vm;
	struct vmb_capture capture;

	vm->impl->capture_begin(vm, &capture, VMB_CAPTURE_MEMORY);
	VkResult result = provide->next.AllocateMemory(
		provide->device->handle, info, allocator, &memory->handle);
	int ret = vm->impl->capture_memory(vm, &capture, &memory->backing);
	if (result != VK_SUCCESS) {
		memory->handle = VK_NULL_HANDLE;
		return result;
	}
	/* After any other error the memory is valid, but sparse resources cannot be bound to it. */
	return ret == -ENOMEM ? VK_ERROR_OUT_OF_HOST_MEMORY : VK_SUCCESS;
}

/* The VM drops its backing first: after vkFreeMemory the driver may reuse the GEM handle. */
static void free_memory(struct vmb_memory *memory, const VkAllocationCallbacks *allocator)
{
	struct vmb_provide *provide = memory->provide;
	provide->vm->impl->memory_destroy(provide->vm, &memory->backing);
	provide->next.FreeMemory(provide->device->handle, memory->handle, allocator);
}

static VkResult reserve(struct vmb_resource *resource, const VkMemoryRequirements *requirements,
	uint32_t type, const void *chain)
{
	struct vmb_provide *provide = resource->provide;
	struct vmb_reservation *range = &resource->reservation;
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = chain,
		.allocationSize = requirements->size,
		.memoryTypeIndex = type,
	};
	struct vmb_vm *vm = provide->vm;
	struct vmb_capture capture;

	vm->impl->capture_begin(vm, &capture, VMB_CAPTURE_RESERVATION);
	VkResult result = provide->next.AllocateMemory(
		provide->device->handle, &info, &vmb_allocator, &resource->memory);
	int ret = vm->impl->capture_reservation(vm, &capture, range);
	if (result != VK_SUCCESS) {
		vmb_provide_log(provide, VMB_LOG_WARN,
			"the driver cannot allocate the %llu bytes of addresses of a sparse "
			"resource: VkResult %d",
			(unsigned long long)requirements->size, result);
		resource->memory = VK_NULL_HANDLE;
		return result;
	}
	/* The driver chose the range: check that it meets the requirements. */
	bool fits = ret == 0 && range->size >= requirements->size &&
		range->va % requirements->alignment == 0;
	if (!fits) {
		vmb_provide_log(provide, VMB_LOG_WARN,
			"the kernel refused to reserve the %llu bytes of a sparse resource: %s",
			(unsigned long long)requirements->size, strerror(ret < 0 ? -ret : EINVAL));
	}
	return fits ? VK_SUCCESS : VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

const struct vmb_memory_source vmb_memory_captured = {
	.find_types = find_types,
	.can_back = can_back,
	.allocate = allocate,
	.free = free_memory,
	.reserve = reserve,
};
