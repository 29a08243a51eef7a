/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_MEMORY_H
#define VMB_PROVIDE_MEMORY_H

#include "provide/device.h"

/* A VkDeviceMemory that sparse resources can be bound to: the VM knows its backing. */
struct vmb_memory {
	VkDeviceMemory handle;
	struct vmb_provide *provide;
	struct vmb_backing backing;
	atomic_bool was_bound; /* sparsely, ever */
};

/* Frees the driver's object, too. */
void vmb_memory_destroy(struct vmb_memory *memory, const VkAllocationCallbacks *allocator);

#endif
