/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_ALLOCATOR_H
#define VMB_VK_ALLOCATOR_H

#include <vulkan/vulkan.h>

/*
 * The layer's own memory, for objects that the application knows nothing of. Without an allocator a
 * driver takes the parent's, which may be one that the application made and that counts or refuses.
 */
extern const VkAllocationCallbacks vmb_allocator;

#endif
