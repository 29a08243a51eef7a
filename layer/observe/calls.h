/* SPDX-License-Identifier: MIT */
#ifndef VMB_OBSERVE_CALLS_H
#define VMB_OBSERVE_CALLS_H

#include "base/trace.h"
#include "vk/device.h"

/* Commands that trace the time and the result of each call. Generated from the list in
 * vk/commands.h. */
extern const struct vmb_device_commands vmb_observe_calls;

/* The same for an instance and its physical devices. */
extern const struct vmb_instance_commands vmb_observe_instance_calls;

/* Ends a slice with the result of its call, and returns the result. */
VkResult vmb_observe_end(struct vmb_trace_slice *slice, VkResult result);
/* Ends the slice of vkCreateDevice, with the device's route and its reason. */
void vmb_observe_device_created(
	struct vmb_trace_slice *slice, const struct vmb_device *device, VkResult result);

#endif
