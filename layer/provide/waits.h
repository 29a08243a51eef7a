/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_WAITS_H
#define VMB_PROVIDE_WAITS_H

#include "provide/device.h"

/*
 * Submissions, waits and polls on a device that the layer may lose. Where a failed bind leaves the
 * driver's queue waiting for ever, the driver's own waits would never return. The specification
 * asks for an end in finite time (Vulkan, "Lost Device").
 */

/* Waits until a fence is signaled or the device is lost. */
VkResult vmb_wait_for_fence(struct vmb_provide *provide, VkFence fence);

#endif
