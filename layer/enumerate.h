/* SPDX-License-Identifier: MIT */
#ifndef VMB_ENUMERATE_H
#define VMB_ENUMERATE_H

#include "vk/physical_device.h"

/* The commands with which an application gets its physical devices. */
extern const struct vmb_instance_commands vmb_enumerate_commands;

/*
 * The object of a physical device, with its route decided and the commands of that route. NULL if
 * the layer is turned off or memory is short: then the driver is left alone. Any thread. The first
 * call may create a device to probe the driver, which only vkEnumeratePhysicalDevices is meant to
 * cause: the loader adds that device to a list, which it locks while it enumerates, but not while
 * it passes on a query.
 */
struct vmb_physical_device *vmb_physical_device_decided(VkPhysicalDevice handle);

#endif
