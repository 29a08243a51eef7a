/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_ALLOCATOR_H
#define VMB_VK_ALLOCATOR_H

#include <vulkan/vulkan.h>

/*
 * The allocator for objects that the layer creates. Without an allocator, a driver uses the
 * parent's, which may be the application's. The application's allocator may count or refuse
 * allocations.
 */
extern const VkAllocationCallbacks vmb_allocator;

#endif
