/* SPDX-License-Identifier: MIT */
#include "provide/memory.h"

#include <stdlib.h>

#include "provide/commands.h"
#include "provide/memory_source.h"

/* The lock of the table of memory also guards the cache. */

static struct vmb_memory *memory_of(struct vmb_cached_memory *cached)
{
	return (struct vmb_memory *)cached;
}

/* Memory of this size from the cache, or new memory without a backing. size 0: new memory only.
 * NULL if memory is short. */
static struct vmb_memory *take_or_create_memory(struct vmb_provide *provide, uint64_t size)
{
	struct vmb_memory *memory = NULL;

	if (size) {
		vmb_map_lock(&provide->memories);
		memory = memory_of(vmb_memory_cache_take(&provide->cache, size));
		vmb_map_unlock(&provide->memories);
	}
	if (!memory) {
		memory = calloc(1, sizeof(*memory));
		if (memory) {
			memory->provide = provide;
		}
	}
	return memory;
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice handle,
	const VkMemoryAllocateInfo *info, const VkAllocationCallbacks *allocator,
	VkDeviceMemory *out)
{
	struct vmb_provide *provide = vmb_provide_of(handle);
	const struct vmb_memory_source *source = provide->source;

	/* A bind has at least the size of the granularity, so smaller memory is never bound. */
	if (info->allocationSize < provide->vm->granularity || !source->can_back(provide, info)) {
		return provide->next.AllocateMemory(handle, info, allocator, out);
	}
	uint64_t reusable = source->reusable_size ? source->reusable_size(provide, info) : 0;
	struct vmb_memory *memory = take_or_create_memory(provide, reusable);
	if (!memory) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkResult result = source->allocate(memory, info, allocator);
	if (result != VK_SUCCESS) {
		goto fail;
	}
	*out = memory->handle;
	if (!memory->backing.size) {
		free(memory);
		return VK_SUCCESS;
	}
	if (vmb_map_insert(&provide->memories, (uint64_t)memory->handle, memory) < 0) {
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
	memory->provide->source->free(memory, allocator);
	free(memory);
}

/* Frees memory without a driver's object. */
static void destroy_backing(struct vmb_memory *memory)
{
	struct vmb_vm *vm = memory->provide->vm;

	vm->impl->memory_destroy(vm, &memory->backing);
	free(memory);
}

/* A resource may still map memory that was bound. */
static bool may_be_cached(const struct vmb_memory *memory)
{
	return memory->backing.size <= VMB_CACHE_ENTRY_BYTES &&
		!atomic_load_explicit(&memory->was_bound, memory_order_relaxed);
}

/* Puts memory into the cache. Returns the list of the evicted memory. */
static struct vmb_cached_memory *cache_memory(
	struct vmb_memory_cache *cache, struct vmb_memory *memory)
{
	struct vmb_cached_memory *evicted = NULL;

	memory->cached.size = memory->backing.size;
	while (!vmb_memory_cache_put(cache, &memory->cached)) {
		struct vmb_cached_memory *oldest = vmb_memory_cache_evict(cache);
		oldest->next = evicted;
		evicted = oldest;
	}
	return evicted;
}

/* Frees memory whose backing may be reused. Once the driver has freed its object, another thread
 * may get the same handle. So the handle leaves the table first. The driver calls the
 * application's allocation callbacks, so no lock is held meanwhile. */
static void free_reusable(struct vmb_provide *provide, struct vmb_memory *memory,
	const VkAllocationCallbacks *allocator)
{
	struct vmb_cached_memory *unused = &memory->cached;

	unused->next = NULL;
	vmb_map_remove(&provide->memories, (uint64_t)memory->handle);
	provide->next.FreeMemory(provide->device->handle, memory->handle, allocator);
	memory->handle = VK_NULL_HANDLE;
	if (may_be_cached(memory)) {
		vmb_map_lock(&provide->memories);
		unused = cache_memory(&provide->cache, memory);
		vmb_map_unlock(&provide->memories);
	}
	while (unused) {
		struct vmb_cached_memory *next = unused->next;
		destroy_backing(memory_of(unused));
		unused = next;
	}
}

static VKAPI_ATTR void VKAPI_CALL free_memory(
	VkDevice handle, VkDeviceMemory memory_handle, const VkAllocationCallbacks *allocator)
{
	struct vmb_provide *provide = vmb_provide_of(handle);
	struct vmb_memory *memory = vmb_map_find(&provide->memories, (uint64_t)memory_handle);

	if (!memory) {
		provide->next.FreeMemory(handle, memory_handle, allocator);
	} else if (provide->source->reusable_size) {
		free_reusable(provide, memory, allocator);
	} else {
		vmb_map_remove(&provide->memories, (uint64_t)memory_handle);
		vmb_memory_destroy(memory, allocator);
	}
}

void vmb_memory_empty_cache(struct vmb_provide *provide)
{
	struct vmb_memory *memory;

	while ((memory = memory_of(vmb_memory_cache_evict(&provide->cache)))) {
		destroy_backing(memory);
	}
}

const struct vmb_device_commands vmb_provide_memory_commands = {
	.AllocateMemory = allocate_memory,
	.FreeMemory = free_memory,
};
