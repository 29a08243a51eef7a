/* SPDX-License-Identifier: MIT */
#include "resource.h"

#include <stdlib.h>

#include "allocator.h"
#include "chain.h"
#include "memory.h"

void vmb_resource_requirements(const struct vmb_device *device, VkMemoryRequirements *requirements)
{
	VkDeviceSize granularity = device->vm->granularity;

	/* Of a sparse resource the alignment is also the size of what can be bound, and the size
	 * is a multiple of it (Vulkan, "Sparse Resource Memory Requirements"). */
	if (requirements->alignment < granularity) {
		requirements->alignment = granularity;
	}
	VkDeviceSize mask = requirements->alignment - 1;
	requirements->size = (requirements->size + mask) & ~mask;
	requirements->memoryTypeBits &= device->import_types;
}

void vmb_resource_requirements2(
	const struct vmb_device *device, VkMemoryRequirements2 *requirements)
{
	VkMemoryDedicatedRequirements *dedicated = vmb_chain_find_out(
		requirements->pNext, VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS);

	vmb_resource_requirements(device, &requirements->memoryRequirements);
	/* The driver may want that for imported memory; nothing sparse can have it. */
	if (dedicated) {
		dedicated->prefersDedicatedAllocation = VK_FALSE;
		dedicated->requiresDedicatedAllocation = VK_FALSE;
	}
}

static VkResult import_reservation(
	struct vmb_resource *resource, const VkMemoryRequirements *requirements)
{
	struct vmb_device *device = resource->device;
	const VkMemoryAllocateFlagsInfo flags = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
		.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
	};
	void *start = (void *)(uintptr_t)resource->reservation.va;

	if (!requirements->memoryTypeBits) {
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	return vmb_memory_import(device, start, resource->reservation.size,
		(uint32_t)__builtin_ctz(requirements->memoryTypeBits),
		device->has_addresses ? &flags : NULL, &vmb_allocator, &resource->memory);
}

VkResult vmb_resource_create(struct vmb_device *device, const VkMemoryRequirements *requirements,
	struct vmb_resource **out)
{
	struct vmb_resource *resource = calloc(1, sizeof(*resource));

	if (!resource) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	resource->device = device;
	atomic_init(&resource->references, 1);
	if (device->vm->impl->reserve(device->vm, requirements->size, requirements->alignment,
		    &resource->reservation) < 0) {
		vmb_device_log(device, VMB_LOG_WARN,
			"no address space for a sparse resource of %llu bytes",
			(unsigned long long)requirements->size);
		free(resource);
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	vmb_residency_init(&resource->residency);
	pthread_mutex_init(&resource->residency_lock, NULL);
	VkResult result = import_reservation(resource, requirements);
	if (result != VK_SUCCESS) {
		vmb_resource_destroy(resource);
		return result;
	}
	vmb_device_log(device, VMB_LOG_DEBUG, "sparse resource of %llu bytes at 0x%llx",
		(unsigned long long)resource->reservation.size,
		(unsigned long long)resource->reservation.va);
	*out = resource;
	return VK_SUCCESS;
}

void vmb_resource_ref(struct vmb_resource *resource)
{
	atomic_fetch_add_explicit(&resource->references, 1, memory_order_relaxed);
}

void vmb_resource_unref(struct vmb_resource *resource)
{
	struct vmb_device *device = resource->device;

	if (atomic_fetch_sub_explicit(&resource->references, 1, memory_order_acq_rel) > 1) {
		return;
	}
	vmb_stats_bound(&device->stats, vmb_residency_bound(&resource->residency), 0);
	device->vm->impl->release(device->vm, &resource->reservation);
	vmb_residency_finish(&resource->residency);
	pthread_mutex_destroy(&resource->residency_lock);
	free(resource);
}

void vmb_resource_destroy(struct vmb_resource *resource)
{
	if (!resource) {
		return;
	}
	struct vmb_device *device = resource->device;
	device->next.FreeMemory(device->handle, resource->memory, &vmb_allocator);
	vmb_resource_unref(resource);
}

static void record(struct vmb_resource *resource, const struct vmb_op *ops, size_t count)
{
	for (size_t i = 0; i < count && !resource->residency_lost; i++) {
		if (vmb_residency_reserve(&resource->residency) < 0) {
			resource->residency_lost = true;
			vmb_device_log(resource->device, VMB_LOG_WARN,
				"out of memory for the residency map: bytes bound are not exact");
			return;
		}
		vmb_residency_apply(&resource->residency, &ops[i]);
	}
}

void vmb_resource_executed(struct vmb_resource *resource, const struct vmb_op *ops, size_t count)
{
	struct vmb_stats *stats = &resource->device->stats;

	vmb_stats_ops(stats, ops, count);
	if (!resource->device->tracks_residency) {
		return;
	}
	pthread_mutex_lock(&resource->residency_lock);
	uint64_t before = vmb_residency_bound(&resource->residency);
	record(resource, ops, count);
	vmb_stats_bound(stats, before, vmb_residency_bound(&resource->residency));
	pthread_mutex_unlock(&resource->residency_lock);
}
