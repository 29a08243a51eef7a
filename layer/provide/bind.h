/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_BIND_H
#define VMB_PROVIDE_BIND_H

#include <vulkan/vulkan.h>

#include "plan/plan.h"
#include "vk/device.h"

/*
 * Translates what a batch binds into ops, in the order given. VK_ERROR_UNKNOWN for what is not a
 * valid bind, VK_ERROR_OUT_OF_DEVICE_MEMORY for memory that cannot be bound; both are logged.
 */
VkResult vmb_bind_plan(
	struct vmb_device *device, const VkBindSparseInfo *info, struct vmb_plan *plan);

#endif
