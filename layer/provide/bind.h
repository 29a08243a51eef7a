/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_BIND_H
#define VMB_PROVIDE_BIND_H

#include <vulkan/vulkan.h>

#include "plan/plan.h"
#include "provide/device.h"

/*
 * Turns the binds of a batch into a minimal plan. The resource of an op is its vmb_resource. Any
 * thread. Returns VK_ERROR_OUT_OF_HOST_MEMORY, or logs the cause and returns:
 *  - VK_ERROR_UNKNOWN for an invalid bind;
 *  - VK_ERROR_OUT_OF_DEVICE_MEMORY for memory that cannot be bound.
 */
VkResult vmb_bind_plan(
	struct vmb_provide *provide, const VkBindSparseInfo *info, struct vmb_plan *plan);

#endif
