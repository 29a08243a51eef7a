/* SPDX-License-Identifier: MIT */
#include "vk/allocator.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static VKAPI_ATTR void *VKAPI_CALL allocate(
	void *data, size_t size, size_t alignment, VkSystemAllocationScope scope)
{
	void *memory = NULL;

	(void)data;
	(void)scope;
	if (alignment < sizeof(void *)) {
		alignment = sizeof(void *);
	}
	return posix_memalign(&memory, alignment, size) == 0 ? memory : NULL;
}

static VKAPI_ATTR void *VKAPI_CALL reallocate(
	void *data, void *old, size_t size, size_t alignment, VkSystemAllocationScope scope)
{
	if (size == 0) {
		free(old);
		return NULL;
	}
	/* realloc() would lose the alignment. */
	void *memory = allocate(data, size, alignment, scope);
	if (memory && old) {
		size_t usable = malloc_usable_size(old);
		memcpy(memory, old, usable < size ? usable : size);
		free(old);
	}
	return memory;
}

static VKAPI_ATTR void VKAPI_CALL release(void *data, void *memory)
{
	(void)data;
	free(memory);
}

const VkAllocationCallbacks vmb_allocator = {
	.pfnAllocation = allocate,
	.pfnReallocation = reallocate,
	.pfnFree = release,
};
