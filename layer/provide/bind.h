/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_BIND_H
#define VMB_PROVIDE_BIND_H

#include <vulkan/vulkan.h>

#include "plan/plan.h"
#include "provide/device.h"

/*
 * Plans a batch: turns its binds into ops, then into the fewest. Logs what it refuses:
 * VK_ERROR_UNKNOWN for a bind that is not valid, VK_ERROR_OUT_OF_DEVICE_MEMORY for memory that
 * cannot be bound. The resource of an op is its vmb_resource.
 */
VkResult vmb_bind_plan(
	struct vmb_provide *provide, const VkBindSparseInfo *info, struct vmb_plan *plan);

#endif
