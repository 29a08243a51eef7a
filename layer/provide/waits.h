/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_WAITS_H
#define VMB_PROVIDE_WAITS_H

#include "provide/device.h"

/*
 * Submissions, waits and polls on a device that the layer may mark as lost. After a failed bind the
 * driver's queue may wait for ever, and a wait of the driver would never return. Vulkan requires
 * waits on a lost device to return in finite time ("Lost Device").
 */

/* Waits until a fence is signaled or the device is lost. Returns VK_SUCCESS, VK_ERROR_DEVICE_LOST
 * or the driver's error. Any thread. */
VkResult vmb_wait_for_fence(struct vmb_provide *provide, VkFence fence);

#endif
