/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_MEMORY_SOURCE_H
#define VMB_PROVIDE_MEMORY_SOURCE_H

#include "provide/device.h"

struct vmb_memory;
struct vmb_resource;

/*
 * How memory is allocated. vmb_memory_imported: the VM creates memory and the driver imports it.
 * vmb_memory_captured: the driver allocates memory and the VM captures the BOs from its ioctls. All
 * functions are mandatory unless marked optional. Any thread may call them.
 */
struct vmb_memory_source {
	/* Sets provide->sparse_types. */
	VkResult (*find_types)(struct vmb_provide *provide);
	/* Whether an allocation of at least the VM's granularity can back sparse resources. If not,
	 * the layer passes it through. */
	bool (*can_back)(const struct vmb_provide *provide, const VkMemoryAllocateInfo *info);
	/* Optional: freed memory can be reused. Returns the size of the backing for an allocation;
	 * 0 if the allocation needs new memory. */
	uint64_t (*reusable_size)(
		const struct vmb_provide *provide, const VkMemoryAllocateInfo *info);
	/* Allocates. Uses memory->backing unless it is empty. The backing stays empty if
	 * the VM cannot map the allocation. On failure the caller still calls free. */
	VkResult (*allocate)(struct vmb_memory *memory, const VkMemoryAllocateInfo *info,
		const VkAllocationCallbacks *allocator);
	/* Frees the driver's object and the backing. */
	void (*free)(struct vmb_memory *memory, const VkAllocationCallbacks *allocator);
	/* Reserves a range and sets the resource's reservation and memory. Logs the cause of a
	 * failure. The caller then still destroys the resource. */
	VkResult (*reserve)(struct vmb_resource *resource, const VkMemoryRequirements *requirements,
		uint32_t type, const void *chain);
	/* The external handle types that the layer adds to new buffers and images; 0 for none. */
	VkExternalMemoryHandleTypeFlags handle_types;
};

extern const struct vmb_memory_source vmb_memory_imported;
extern const struct vmb_memory_source vmb_memory_captured;

#endif
