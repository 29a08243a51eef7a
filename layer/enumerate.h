/* SPDX-License-Identifier: MIT */
#ifndef VMB_ENUMERATE_H
#define VMB_ENUMERATE_H

#include "vk/physical_device.h"

/* The commands that enumerate physical devices. */
extern const struct vmb_instance_commands vmb_enumerate_commands;

/*
 * The object of a physical device, with its route decided and the commands of that route. NULL if
 * the layer is turned off or memory is short. Then the layer does nothing on the device. Any
 * thread.
 *
 * After a hot-plug the handle may name another device. So each call compares the identity of the
 * device, and decides the route of a new device.
 *
 * The first call for a device may probe the driver, and the probe creates a device. The loader adds
 * that device to a list. The loader locks the list during vkEnumeratePhysicalDevices and
 * vkCreateDevice, but not during queries. So queries do not call this function.
 */
struct vmb_physical_device *vmb_physical_device_decided(VkPhysicalDevice handle);

#endif
