/* SPDX-License-Identifier: MIT */
#include "provide/bind.h"

#include <errno.h>

#include "provide/memory.h"
#include "provide/resource.h"

/* A batch being translated. */
struct binding {
	struct vmb_device *device;
	struct vmb_plan *plan;
	/* The memory of the last bind; the next one's is mostly the same. */
	VkDeviceMemory last_handle;
	struct vmb_memory *last;
};

static VkResult refuse(const struct vmb_device *device, const char *why)
{
	vmb_device_log(device, VMB_LOG_ERROR, "vkQueueBindSparse: %s", why);
	return VK_ERROR_UNKNOWN;
}

static struct vmb_memory *find_memory(struct binding *binding, VkDeviceMemory handle)
{
	if (!binding->last || binding->last_handle != handle) {
		binding->last = vmb_map_find(&binding->device->memories, (uint64_t)handle);
		binding->last_handle = handle;
	}
	return binding->last;
}

/* Fills in what the range shall show. size is rounded. */
static VkResult bind_memory(struct binding *binding, const VkSparseMemoryBind *bind,
	VkDeviceSize size, struct vmb_op *op)
{
	struct vmb_device *device = binding->device;
	struct vmb_memory *memory = find_memory(binding, bind->memory);

	if (!memory) {
		vmb_device_log(device, VMB_LOG_ERROR,
			"vkQueueBindSparse: memory that is imported, exported or dedicated, or of "
			"a "
			"type that sparse resources do not name, cannot be bound sparsely");
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	if (bind->memoryOffset % device->vm->granularity) {
		return refuse(device, "memoryOffset is not a multiple of the alignment");
	}
	if (bind->memoryOffset > memory->backing.size ||
		size > memory->backing.size - bind->memoryOffset) {
		return refuse(device, "the range ends beyond the memory");
	}
	atomic_store_explicit(&memory->was_bound, true, memory_order_relaxed);
	op->kind = VMB_OP_MAP;
	op->backing = memory->backing.id;
	op->offset = memory->backing.offset + bind->memoryOffset;
	return VK_SUCCESS;
}

static VkResult add_bind(
	struct binding *binding, struct vmb_resource *resource, const VkSparseMemoryBind *bind)
{
	struct vmb_device *device = binding->device;
	VkDeviceSize granularity = device->vm->granularity;
	/* The last range of a resource may stop where its contents do. */
	VkDeviceSize size = vmb_device_round_up(device, bind->size);
	struct vmb_op op = {
		.kind = VMB_OP_SPARSE,
		.va = resource->reservation.va + bind->resourceOffset,
		.size = size,
		.space = (uintptr_t)resource,
	};

	if (bind->flags & VK_SPARSE_MEMORY_BIND_METADATA_BIT) {
		return refuse(device, "there is no metadata to be bound");
	}
	if (bind->resourceOffset % granularity) {
		return refuse(device, "resourceOffset is not a multiple of the alignment");
	}
	if (bind->resourceOffset > resource->reservation.size ||
		size > resource->reservation.size - bind->resourceOffset) {
		return refuse(device, "the range ends beyond the resource");
	}
	if (size != bind->size && bind->resourceOffset + size != resource->reservation.size) {
		return refuse(device, "size is not a multiple of the alignment");
	}
	if (bind->memory) {
		VkResult result = bind_memory(binding, bind, size, &op);
		if (result != VK_SUCCESS) {
			return result;
		}
	}
	return vmb_plan_add(binding->plan, &op) == 0 ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

static VkResult add_binds(struct binding *binding, struct vmb_resource *resource, uint32_t count,
	const VkSparseMemoryBind *binds)
{
	if (!resource) {
		return refuse(binding->device, "the resource is not a sparse one");
	}
	vmb_count(&binding->device->stats.binds, count);
	if (vmb_plan_reserve(binding->plan, count) < 0) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	for (uint32_t i = 0; i < count; i++) {
		VkResult result = add_bind(binding, resource, &binds[i]);
		if (result != VK_SUCCESS) {
			return result;
		}
	}
	return VK_SUCCESS;
}

VkResult vmb_bind_plan(
	struct vmb_device *device, const VkBindSparseInfo *info, struct vmb_plan *plan)
{
	struct binding binding = { .device = device, .plan = plan };
	VkResult result = VK_SUCCESS;

	for (uint32_t i = 0; i < info->bufferBindCount && result == VK_SUCCESS; i++) {
		const VkSparseBufferMemoryBindInfo *bind = &info->pBufferBinds[i];
		result = add_binds(&binding, vmb_map_find(&device->buffers, (uint64_t)bind->buffer),
			bind->bindCount, bind->pBinds);
	}
	for (uint32_t i = 0; i < info->imageOpaqueBindCount && result == VK_SUCCESS; i++) {
		const VkSparseImageOpaqueMemoryBindInfo *bind = &info->pImageOpaqueBinds[i];
		result = add_binds(&binding, vmb_map_find(&device->images, (uint64_t)bind->image),
			bind->bindCount, bind->pBinds);
	}
	for (uint32_t i = 0; i < info->imageBindCount && result == VK_SUCCESS; i++) {
		if (info->pImageBinds[i].bindCount) {
			result = refuse(device, "no image is resident by blocks");
		}
	}
	if (result == VK_SUCCESS && vmb_plan_merge(plan) < 0) {
		result = VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	return result;
}
