/* SPDX-License-Identifier: MIT */
#include "provide/resource.h"

#include <stdlib.h>

#include "provide/memory_source.h"
#include "vk/allocator.h"
#include "vk/chain.h"

void vmb_resource_requirements(
	const struct vmb_provide *provide, VkMemoryRequirements *requirements)
{
	VkDeviceSize granularity = provide->vm->granularity;

	/* The alignment of a sparse resource is the granularity of binds. The size is a multiple of
	 * the alignment (Vulkan, "Sparse Resource Memory Requirements"). */
	if (requirements->alignment < granularity) {
		requirements->alignment = granularity;
	}
	VkDeviceSize mask = requirements->alignment - 1;
	if (requirements->size <= UINT64_MAX - mask) {
		requirements->size += mask;
	}
	requirements->size &= ~mask;
	requirements->memoryTypeBits &= provide->sparse_types;
}

void vmb_resource_requirements2(
	const struct vmb_provide *provide, VkMemoryRequirements2 *requirements)
{
	VkMemoryDedicatedRequirements *dedicated = vmb_chain_find_out(
		requirements->pNext, VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS);

	vmb_resource_requirements(provide, &requirements->memoryRequirements);
	/* The driver may prefer a dedicated allocation for imported memory. A sparse resource
	 * cannot have a dedicated allocation. */
	if (dedicated) {
		dedicated->prefersDedicatedAllocation = VK_FALSE;
		dedicated->requiresDedicatedAllocation = VK_FALSE;
	}
}

static VkResult reserve(struct vmb_resource *resource, const VkMemoryRequirements *requirements)
{
	struct vmb_provide *provide = resource->provide;
	const VkMemoryAllocateFlagsInfo flags = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
		.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
	};
	const void *chain = provide->has_addresses ? &flags : NULL;

	if (!requirements->memoryTypeBits) {
		vmb_provide_log(provide, VMB_LOG_WARN,
			"no memory type of this resource supports sparse binding");
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	uint32_t type = (uint32_t)__builtin_ctz(requirements->memoryTypeBits);
	return provide->source->reserve(resource, requirements, type, chain);
}

VkResult vmb_resource_create(struct vmb_provide *provide, struct vmb_map *table, uint64_t object,
	VkMemoryRequirements *requirements, vmb_resource_bind_fn bind)
{
	struct vmb_resource *resource = calloc(1, sizeof(*resource));

	if (!resource) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	resource->provide = provide;
	atomic_init(&resource->references, 1);
	vmb_residency_init(&resource->residency);
	pthread_mutex_init(&resource->residency_lock, NULL);
	vmb_resource_requirements(provide, requirements);
	VkResult result = reserve(resource, requirements);
	if (result == VK_SUCCESS) {
		result = bind(provide, object, resource->memory);
	}
	if (result == VK_SUCCESS && vmb_map_insert(table, object, resource) < 0) {
		result = VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	if (result != VK_SUCCESS) {
		vmb_resource_destroy(resource);
		return result;
	}
	vmb_provide_log(provide, VMB_LOG_DEBUG, "sparse resource of %llu bytes at 0x%llx",
		(unsigned long long)resource->reservation.size,
		(unsigned long long)resource->reservation.va);
	vmb_trace_annotate_hex(provide->trace, "va", resource->reservation.va);
	return VK_SUCCESS;
}

void vmb_resource_ref(struct vmb_resource *resource)
{
	atomic_fetch_add_explicit(&resource->references, 1, memory_order_relaxed);
}

/* If the application destroys a resource during a bind, the bind must not hit the next resource at
 * the same address. The kernel ends every bind in finite time. */
static void wait_for_binds(struct vmb_resource *resource)
{
	struct vmb_vm *vm = resource->provide->vm;

	if (resource->last_bind.value) {
		vm->impl->wait(vm, &resource->last_bind, VMB_POINT_SIGNALED, UINT64_MAX);
	}
}

void vmb_resource_unref(struct vmb_resource *resource)
{
	struct vmb_provide *provide = resource->provide;

	if (atomic_fetch_sub_explicit(&resource->references, 1, memory_order_acq_rel) > 1) {
		return;
	}
	wait_for_binds(resource);
	vmb_statistics_bound(
		&provide->device->statistics, vmb_residency_bound(&resource->residency), 0);
	provide->next.FreeMemory(provide->device->handle, resource->memory, &vmb_allocator);
	provide->vm->impl->release(provide->vm, &resource->reservation);
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

static void count_ops(struct vmb_statistics *statistics, const struct vmb_op *ops, size_t count)
{
	uint64_t of_kind[] = { [VMB_OP_MAP] = 0, [VMB_OP_SPARSE] = 0, [VMB_OP_UNMAP] = 0 };

	for (size_t i = 0; i < count; i++) {
		of_kind[ops[i].kind]++;
	}
	vmb_count(&statistics->map_ops, of_kind[VMB_OP_MAP]);
	vmb_count(&statistics->sparse_ops, of_kind[VMB_OP_SPARSE]);
	vmb_count(&statistics->unmap_ops, of_kind[VMB_OP_UNMAP]);
}

static void record_ops(struct vmb_resource *resource, const struct vmb_op *ops, size_t count)
{
	for (size_t i = 0; i < count && !resource->residency_lost; i++) {
		if (vmb_residency_reserve(&resource->residency) < 0) {
			resource->residency_lost = true;
			vmb_provide_log(resource->provide, VMB_LOG_WARN,
				"out of memory for residency: bytes_bound is no longer exact");
			return;
		}
		vmb_residency_apply(&resource->residency, &ops[i]);
	}
}

void vmb_resource_executed(struct vmb_resource *resource, const struct vmb_op *ops, size_t count)
{
	struct vmb_statistics *statistics = &resource->provide->device->statistics;

	count_ops(statistics, ops, count);
	if (!resource->provide->tracks_residency) {
		return;
	}
	pthread_mutex_lock(&resource->residency_lock);
	uint64_t before = vmb_residency_bound(&resource->residency);
	record_ops(resource, ops, count);
	vmb_statistics_bound(statistics, before, vmb_residency_bound(&resource->residency));
	pthread_mutex_unlock(&resource->residency_lock);
}
