/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_MEMORY_H
#define VMB_PROVIDE_MEMORY_H

#include "provide/device.h"

/* A VkDeviceMemory that sparse resources can be bound to. The device's table of memory owns it, or
 * the cache after vkFreeMemory. */
struct vmb_memory {
	struct vmb_cached_memory cached; /* in the cache; the first member */
	VkDeviceMemory handle; /* VK_NULL_HANDLE in the cache */
	struct vmb_provide *provide;
	struct vmb_backing backing;
	/* A planned batch has mapped the memory into a sparse resource. Never reset. */
	atomic_bool was_bound;
};

/* Also frees the driver's object. allocator is the application's, or NULL. */
void vmb_memory_destroy(struct vmb_memory *memory, const VkAllocationCallbacks *allocator);
/* Frees the memory in the cache. The device is being destroyed. */
void vmb_memory_empty_cache(struct vmb_provide *provide);

#endif
