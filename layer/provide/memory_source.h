/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_MEMORY_SOURCE_H
#define VMB_PROVIDE_MEMORY_SOURCE_H

#include "provide/device.h"

struct vmb_memory;
struct vmb_resource;

/*
 * Where memory comes from. Either the VM makes it and the driver imports it, or the driver
 * allocates as always and the VM captures what the driver's ioctls make. All members are mandatory;
 * any thread may call them.
 */
struct vmb_memory_source {
	/* Fills in the types that sparse resources can be bound to. */
	VkResult (*find_types)(struct vmb_provide *provide);
	/* Whether an allocation can back sparse resources. Others are the driver's alone. */
	bool (*can_back)(const struct vmb_provide *provide, const VkMemoryAllocateInfo *info);
	/* Allocates; memory->backing stays empty if the VM cannot map the allocation. */
	VkResult (*allocate)(struct vmb_memory *memory, const VkMemoryAllocateInfo *info,
		const VkAllocationCallbacks *allocator);
	/* Frees the driver's object and the backing. */
	void (*free)(struct vmb_memory *memory, const VkAllocationCallbacks *allocator);
	/* Reserves a range for a resource, with a memory object of the driver's for it. */
	VkResult (*reserve)(struct vmb_resource *resource, const VkMemoryRequirements *requirements,
		uint32_t type, const void *chain);
	/* Handle types for which the driver creates buffers and images; 0 for none. */
	VkExternalMemoryHandleTypeFlags handle_types;
};

extern const struct vmb_memory_source vmb_memory_imported;
extern const struct vmb_memory_source vmb_memory_captured;

#endif
