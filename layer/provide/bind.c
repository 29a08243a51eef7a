/* SPDX-License-Identifier: MIT */
#include "provide/bind.h"

#include <errno.h>

#include "provide/memory.h"
#include "provide/resource.h"

/* The planning of one batch. */
struct planning {
	struct vmb_provide *provide;
	struct vmb_plan *plan;
	/* The memory of the last bind: a cache, since most binds repeat the memory. */
	VkDeviceMemory last_handle;
	struct vmb_memory *last;
};

static VkResult refuse(const struct vmb_provide *provide, const char *why)
{
	vmb_provide_log(provide, VMB_LOG_ERROR, "vkQueueBindSparse: %s", why);
	return VK_ERROR_UNKNOWN;
}

static struct vmb_memory *find_memory(struct planning *planning, VkDeviceMemory handle)
{
	if (!planning->last || planning->last_handle != handle) {
		planning->last = vmb_map_find(&planning->provide->memories, (uint64_t)handle);
		planning->last_handle = handle;
	}
	return planning->last;
}

/* Turns an op into a map of the bind's memory. size is a multiple of the granularity. */
static VkResult map_memory(struct planning *planning, const VkSparseMemoryBind *bind,
	VkDeviceSize size, struct vmb_op *op)
{
	struct vmb_provide *provide = planning->provide;
	struct vmb_memory *memory = find_memory(planning, bind->memory);

	if (!memory) {
		vmb_provide_log(provide, VMB_LOG_ERROR,
			"vkQueueBindSparse: memory is imported, exported, dedicated, "
			"or of a memory type that the resource does not allow");
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	if (bind->memoryOffset % provide->vm->granularity) {
		return refuse(provide, "memoryOffset is not a multiple of the alignment");
	}
	if (bind->memoryOffset > memory->backing.size ||
		size > memory->backing.size - bind->memoryOffset) {
		return refuse(provide, "memoryOffset + size exceeds the size of the memory");
	}
	atomic_store_explicit(&memory->was_bound, true, memory_order_relaxed);
	op->kind = VMB_OP_MAP;
	op->backing = memory->backing.id;
	op->offset = memory->backing.offset + bind->memoryOffset;
	return VK_SUCCESS;
}

static VkResult plan_bind(
	struct planning *planning, struct vmb_resource *resource, const VkSparseMemoryBind *bind)
{
	struct vmb_provide *provide = planning->provide;
	VkDeviceSize granularity = provide->vm->granularity;
	/* The last bind of a resource may end at the unrounded size of the buffer or image. */
	VkDeviceSize size = vmb_provide_round_up(provide, bind->size);
	struct vmb_op op = {
		.kind = VMB_OP_SPARSE,
		.va = resource->reservation.va + bind->resourceOffset,
		.size = size,
		.resource = (uintptr_t)resource,
	};

	if (bind->flags & VK_SPARSE_MEMORY_BIND_METADATA_BIT) {
		return refuse(provide,
			"VK_SPARSE_MEMORY_BIND_METADATA_BIT: no resource here has metadata");
	}
	if (bind->resourceOffset % granularity) {
		return refuse(provide, "resourceOffset is not a multiple of the alignment");
	}
	if (bind->resourceOffset > resource->reservation.size ||
		size > resource->reservation.size - bind->resourceOffset) {
		return refuse(provide, "resourceOffset + size exceeds the size of the resource");
	}
	if (size != bind->size && bind->resourceOffset + size != resource->reservation.size) {
		return refuse(provide, "size is not a multiple of the alignment");
	}
	if (bind->memory) {
		VkResult result = map_memory(planning, bind, size, &op);
		if (result != VK_SUCCESS) {
			return result;
		}
	}
	return vmb_plan_add(planning->plan, &op) == 0 ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

static VkResult plan_binds(struct planning *planning, struct vmb_resource *resource, uint32_t count,
	const VkSparseMemoryBind *binds)
{
	if (!resource) {
		return refuse(planning->provide, "the buffer or image is not sparse");
	}
	vmb_count(&planning->provide->device->statistics.binds, count);
	if (vmb_plan_reserve(planning->plan, count) < 0) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	for (uint32_t i = 0; i < count; i++) {
		VkResult result = plan_bind(planning, resource, &binds[i]);
		if (result != VK_SUCCESS) {
			return result;
		}
	}
	return VK_SUCCESS;
}

VkResult vmb_bind_plan(
	struct vmb_provide *provide, const VkBindSparseInfo *info, struct vmb_plan *plan)
{
	struct planning planning = { .provide = provide, .plan = plan };
	VkResult result = VK_SUCCESS;

	for (uint32_t i = 0; i < info->bufferBindCount && result == VK_SUCCESS; i++) {
		const VkSparseBufferMemoryBindInfo *bind = &info->pBufferBinds[i];
		result = plan_binds(&planning,
			vmb_map_find(&provide->buffers, (uint64_t)bind->buffer), bind->bindCount,
			bind->pBinds);
	}
	for (uint32_t i = 0; i < info->imageOpaqueBindCount && result == VK_SUCCESS; i++) {
		const VkSparseImageOpaqueMemoryBindInfo *bind = &info->pImageOpaqueBinds[i];
		result = plan_binds(&planning,
			vmb_map_find(&provide->images, (uint64_t)bind->image), bind->bindCount,
			bind->pBinds);
	}
	for (uint32_t i = 0; i < info->imageBindCount && result == VK_SUCCESS; i++) {
		if (info->pImageBinds[i].bindCount) {
			result = refuse(provide,
				"pImageBinds: sparse image residency is not supported here");
		}
	}
	if (result == VK_SUCCESS && vmb_plan_merge(plan) < 0) {
		result = VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	return result;
}
