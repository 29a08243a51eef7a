/* SPDX-License-Identifier: MIT */
#include "provide/memory.h"

#include <stdlib.h>

#include "provide/commands.h"
#include "provide/memory_source.h"

static VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice handle,
	const VkMemoryAllocateInfo *info, const VkAllocationCallbacks *allocator,
	VkDeviceMemory *out)
{
	struct vmb_provide *provide = vmb_provide_of(handle);

	if (!provide->source->can_back(provide, info)) {
		return provide->next.AllocateMemory(handle, info, allocator, out);
	}
	struct vmb_memory *memory = calloc(1, sizeof(*memory));
	if (!memory) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	memory->provide = provide;
	VkResult result = provide->source->allocate(memory, info, allocator);
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

static VKAPI_ATTR void VKAPI_CALL free_memory(
	VkDevice handle, VkDeviceMemory memory_handle, const VkAllocationCallbacks *allocator)
{
	struct vmb_provide *provide = vmb_provide_of(handle);
	struct vmb_memory *memory = vmb_map_find(&provide->memories, (uint64_t)memory_handle);

	if (!memory) {
		provide->next.FreeMemory(handle, memory_handle, allocator);
		return;
	}
	vmb_map_remove(&provide->memories, (uint64_t)memory_handle);
	vmb_memory_destroy(memory, allocator);
}

const struct vmb_device_commands vmb_provide_memory_commands = {
	.AllocateMemory = allocate_memory,
	.FreeMemory = free_memory,
};
