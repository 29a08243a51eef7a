/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_MEMORY_H
#define VMB_PROVIDE_MEMORY_H

#include <vulkan/vulkan.h>

#include "vk/device.h"

/* A VkDeviceMemory that can be bound sparsely: the VM knows its backing. */
struct vmb_memory {
	VkDeviceMemory handle;
	struct vmb_device *device;
	struct vmb_backing backing;
	atomic_bool was_bound; /* sparsely */
};

/*
 * Imports host memory into the driver. chain is what else the driver shall be told, the types are
 * those allowed.
 */
VkResult vmb_memory_import(struct vmb_device *device, void *host, VkDeviceSize size,
	uint32_t memory_type, const void *chain, const VkAllocationCallbacks *allocator,
	VkDeviceMemory *out);

/* Takes the driver's object with it. */
void vmb_memory_destroy(struct vmb_memory *memory, const VkAllocationCallbacks *allocator);

VKAPI_ATTR VkResult VKAPI_CALL vmb_AllocateMemory(VkDevice handle, const VkMemoryAllocateInfo *info,
	const VkAllocationCallbacks *allocator, VkDeviceMemory *out);
VKAPI_ATTR void VKAPI_CALL vmb_FreeMemory(
	VkDevice handle, VkDeviceMemory memory, const VkAllocationCallbacks *allocator);

#endif
