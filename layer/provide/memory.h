/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_MEMORY_H
#define VMB_PROVIDE_MEMORY_H

#include "provide/device.h"

/* A VkDeviceMemory that sparse resources can be bound to. The device's table of memory owns it. */
struct vmb_memory {
	VkDeviceMemory handle;
	struct vmb_provide *provide;
	struct vmb_backing backing;
	/* A planned batch has mapped the memory into a sparse resource. Never reset. */
	atomic_bool was_bound;
};

/* Also frees the driver's object. allocator is the application's, or NULL. */
void vmb_memory_destroy(struct vmb_memory *memory, const VkAllocationCallbacks *allocator);

#endif
