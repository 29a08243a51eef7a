/* SPDX-License-Identifier: MIT */
#include "provide/resource.h"

#include <stdlib.h>

#include "provide/memory.h"
#include "vk/allocator.h"
#include "vk/chain.h"

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
	requirements->memoryTypeBits &= device->sparse_types;
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

/* Has the driver import a range that the VM reserves. */
static VkResult import_range(struct vmb_resource *resource,
	const VkMemoryRequirements *requirements, uint32_t type, const void *chain)
{
	struct vmb_device *device = resource->device;

	if (device->vm->impl->reserve(device->vm, requirements->size, requirements->alignment,
		    &resource->reservation) < 0) {
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	return vmb_memory_import(device, (void *)(uintptr_t)resource->reservation.va,
		resource->reservation.size, type, chain, &vmb_allocator, &resource->memory);
}

/* Has the driver allocate, and the VM make a reservation of that. */
static VkResult watch_range(struct vmb_resource *resource, const VkMemoryRequirements *requirements,
	uint32_t type, const void *chain)
{
	struct vmb_device *device = resource->device;
	struct vmb_reservation *range = &resource->reservation;
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = chain,
		.allocationSize = requirements->size,
		.memoryTypeIndex = type,
	};
	struct vmb_scope scope;

	device->vm->impl->watch(device->vm, &scope, VMB_SCOPE_RESERVE);
	VkResult result = device->next.AllocateMemory(
		device->handle, &info, &vmb_allocator, &resource->memory);
	int ret = device->vm->impl->reserved(device->vm, &scope, range);
	if (result != VK_SUCCESS) {
		resource->memory = VK_NULL_HANDLE;
		return result;
	}
	/* Where the range lies was the driver's choice. */
	bool fits = ret == 0 && range->size >= requirements->size &&
		range->va % requirements->alignment == 0;
	return fits ? VK_SUCCESS : VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

static VkResult reserve(struct vmb_resource *resource, const VkMemoryRequirements *requirements)
{
	struct vmb_device *device = resource->device;
	const VkMemoryAllocateFlagsInfo flags = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
		.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
	};
	const void *chain = device->has_addresses ? &flags : NULL;

	if (!requirements->memoryTypeBits) {
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	uint32_t type = (uint32_t)__builtin_ctz(requirements->memoryTypeBits);
	return vmb_vm_imports(device->vm) ? import_range(resource, requirements, type, chain)
					  : watch_range(resource, requirements, type, chain);
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
	vmb_residency_init(&resource->residency);
	pthread_mutex_init(&resource->residency_lock, NULL);
	VkResult result = reserve(resource, requirements);
	if (result != VK_SUCCESS) {
		vmb_device_log(device, VMB_LOG_WARN,
			"no address space for a sparse resource of %llu bytes",
			(unsigned long long)requirements->size);
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

/* The application must not destroy what is being bound, but if it does, the bind shall not hit what
 * has come to lie in its place. It is done in finite time, as all that the kernel was given. */
static void wait_for_binds(struct vmb_resource *resource)
{
	struct vmb_vm *vm = resource->device->vm;

	if (resource->last_bind.value) {
		vm->impl->wait(vm, &resource->last_bind, VMB_POINT_SIGNALED, UINT64_MAX);
	}
}

void vmb_resource_unref(struct vmb_resource *resource)
{
	struct vmb_device *device = resource->device;

	if (atomic_fetch_sub_explicit(&resource->references, 1, memory_order_acq_rel) > 1) {
		return;
	}
	wait_for_binds(resource);
	vmb_stats_bound(&device->stats, vmb_residency_bound(&resource->residency), 0);
	device->next.FreeMemory(device->handle, resource->memory, &vmb_allocator);
	device->vm->impl->release(device->vm, &resource->reservation);
	vmb_residency_finish(&resource->residency);
	pthread_mutex_destroy(&resource->residency_lock);
	free(resource);
}

void vmb_resource_destroy(struct vmb_resource *resource)
{
	if (resource) {
		vmb_resource_unref(resource);
	}
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
