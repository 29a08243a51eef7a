/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "provide/memory.h"
#include "provide/memory_source.h"
#include "provide/resource.h"
#include "vk/allocator.h"
#include "vk/chain.h"

/* The VM creates memory, and the driver imports it (VK_EXT_external_memory_host). */

static VkResult import(struct vmb_provide *provide, void *host, VkDeviceSize size, uint32_t type,
	const void *chain, const VkAllocationCallbacks *allocator, VkDeviceMemory *out)
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
		.memoryTypeIndex = type,
	};

	return provide->next.AllocateMemory(provide->device->handle, &info, allocator, out);
}

static void find_heap_sizes(struct vmb_provide *provide)
{
	const struct vmb_physical_device *physical = provide->device->physical;
	VkPhysicalDeviceMemoryProperties properties;

	physical->instance->driver.GetPhysicalDeviceMemoryProperties(physical->handle, &properties);
	for (uint32_t i = 0; i < properties.memoryTypeCount; i++) {
		provide->heap_sizes[i] =
			properties.memoryHeaps[properties.memoryTypes[i].heapIndex].size;
	}
}

/* vkGetMemoryHostPointerPropertiesEXT needs a host pointer: pass it a reserved page. */
static VkResult find_types(struct vmb_provide *provide)
{
	VkMemoryHostPointerPropertiesEXT properties = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT,
	};
	struct vmb_vm *vm = provide->vm;
	struct vmb_reservation page;

	find_heap_sizes(provide);
	if (vm->impl->reserve(vm, vm->granularity, vm->granularity, &page) < 0) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkResult result = provide->next.GetMemoryHostPointerPropertiesEXT(provide->device->handle,
		VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, (void *)(uintptr_t)page.va,
		&properties);
	provide->sparse_types = properties.memoryTypeBits;
	vm->impl->release(vm, &page);
	return result == VK_SUCCESS ? VK_SUCCESS : VK_ERROR_INITIALIZATION_FAILED;
}

/* Whether a structure of the chain requires that the driver allocates the memory. The application
 * exports or imports the memory, replays an address, or dedicates the memory to one resource. A
 * dedicated resource is not sparse. */
static bool is_for_driver(const VkBaseInStructure *node)
{
	switch ((int)node->sType) {
	case VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO:
		return ((const VkExportMemoryAllocateInfo *)node)->handleTypes;
	case VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR:
		return ((const VkImportMemoryFdInfoKHR *)node)->handleType;
	case VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT:
		return ((const VkImportMemoryHostPointerInfoEXT *)node)->handleType;
	case VK_STRUCTURE_TYPE_MEMORY_OPAQUE_CAPTURE_ADDRESS_ALLOCATE_INFO:
		return ((const VkMemoryOpaqueCaptureAddressAllocateInfo *)node)
			->opaqueCaptureAddress;
	case VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO:
		return ((const VkMemoryDedicatedAllocateInfo *)node)->buffer ||
			((const VkMemoryDedicatedAllocateInfo *)node)->image;
	default:
		return false;
	}
}

static bool can_back(const struct vmb_provide *provide, const VkMemoryAllocateInfo *info)
{
	if (!(provide->sparse_types >> info->memoryTypeIndex & 1)) {
		return false;
	}
	for (const VkBaseInStructure *node = info->pNext; node; node = node->pNext) {
		if (is_for_driver(node)) {
			return false;
		}
	}
	return true;
}

/* VK_MEMORY_ALLOCATE_ZERO_INITIALIZE_BIT_EXT, which older headers lack. */
#define ZERO_INITIALIZE 0x8

static bool wants_zeros(const VkMemoryAllocateInfo *info)
{
	const VkMemoryAllocateFlagsInfo *flags = vmb_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO);

	return flags && (flags->flags & ZERO_INITIALIZE);
}

/* Imports zeroed memory. The flag is not for imports, so the layer removes the flag. */
static VkResult import_zeroed(struct vmb_memory *memory, const VkMemoryAllocateInfo *info,
	const VkAllocationCallbacks *allocator)
{
	static const VkStructureType changed = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO;
	struct vmb_chain chain;

	VkResult result = vmb_chain_copy(&chain, info->pNext, &changed, 1);
	if (result != VK_SUCCESS) {
		return result;
	}
	VkMemoryAllocateFlagsInfo *flags = vmb_chain_find_out(chain.head, changed);
	flags->flags &= ~(VkMemoryAllocateFlags)ZERO_INITIALIZE;
	result = import(memory->provide, memory->backing.map, memory->backing.size,
		info->memoryTypeIndex, chain.head, allocator, &memory->handle);
	vmb_chain_finish(&chain);
	return result;
}

static uint64_t reusable_size(const struct vmb_provide *provide, const VkMemoryAllocateInfo *info)
{
	return info->pNext && wants_zeros(info)
		? 0
		: vmb_provide_round_up(provide, info->allocationSize);
}

static VkResult create_backing(struct vmb_memory *memory, VkDeviceSize size)
{
	struct vmb_provide *provide = memory->provide;

	int ret = provide->vm->impl->memory_create(
		provide->vm, vmb_provide_round_up(provide, size), &memory->backing);
	if (ret < 0) {
		vmb_provide_log(provide, VMB_LOG_WARN,
			"vkAllocateMemory: cannot allocate %llu bytes: %s",
			(unsigned long long)size, strerror(-ret));
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	return VK_SUCCESS;
}

static VkResult allocate(struct vmb_memory *memory, const VkMemoryAllocateInfo *info,
	const VkAllocationCallbacks *allocator)
{
	struct vmb_provide *provide = memory->provide;
	struct vmb_backing *backing = &memory->backing;
	bool zeroed = info->pNext && wants_zeros(info);

	/* The driver would refuse an allocation above the size of the heap, but not an import. */
	if (info->allocationSize > provide->heap_sizes[info->memoryTypeIndex]) {
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	VkResult result = backing->size ? VK_SUCCESS : create_backing(memory, info->allocationSize);
	if (result != VK_SUCCESS) {
		return result;
	}
	vmb_trace_annotate_number(provide->trace, "backing", backing->id);
	vmb_trace_annotate_number(provide->trace, "backing_offset", backing->offset);
	return zeroed ? import_zeroed(memory, info, allocator)
		      : import(provide, backing->map, backing->size, info->memoryTypeIndex,
				info->pNext, allocator, &memory->handle);
}

/* The driver's object is freed first: the driver uses the imported memory until then. */
static void free_memory(struct vmb_memory *memory, const VkAllocationCallbacks *allocator)
{
	struct vmb_provide *provide = memory->provide;
	provide->next.FreeMemory(provide->device->handle, memory->handle, allocator);
	provide->vm->impl->memory_destroy(provide->vm, &memory->backing);
}

static VkResult reserve(struct vmb_resource *resource, const VkMemoryRequirements *requirements,
	uint32_t type, const void *chain)
{
	struct vmb_provide *provide = resource->provide;
	struct vmb_reservation *range = &resource->reservation;

	int ret = provide->vm->impl->reserve(
		provide->vm, requirements->size, requirements->alignment, range);
	if (ret < 0) {
		vmb_provide_log(provide, VMB_LOG_WARN,
			"cannot reserve %llu bytes of addresses for a sparse resource: %s",
			(unsigned long long)requirements->size, strerror(-ret));
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	VkResult result = import(provide, (void *)(uintptr_t)range->va, range->size, type, chain,
		&vmb_allocator, &resource->memory);
	if (result != VK_SUCCESS) {
		vmb_provide_log(provide, VMB_LOG_WARN,
			"the driver refused the import of a sparse resource of %llu bytes: %d",
			(unsigned long long)requirements->size, result);
	}
	return result;
}

const struct vmb_memory_source vmb_memory_imported = {
	.find_types = find_types,
	.can_back = can_back,
	.reusable_size = reusable_size,
	.allocate = allocate,
	.free = free_memory,
	.reserve = reserve,
	.handle_types = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
};
