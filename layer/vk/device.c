/* SPDX-License-Identifier: MIT */
#include "vk/device.h"

#include "base/map.h"
#include "vk/dispatch_key.h"

/* Dispatch key to vmb_device. Global because the loader passes nothing but handles. */
static struct vmb_map devices = VMB_MAP_INITIALIZER;

__attribute__((destructor)) static void finish_devices(void)
{
	vmb_map_finish_empty(&devices);
}

int vmb_device_register(struct vmb_device *device)
{
	return vmb_map_insert(&devices, vmb_dispatch_key(device->handle), device);
}

struct vmb_device *vmb_device_of(const void *dispatchable)
{
	return vmb_map_find(&devices, vmb_dispatch_key(dispatchable));
}

struct vmb_device *vmb_device_unregister(VkDevice handle)
{
	return vmb_map_remove(&devices, vmb_dispatch_key(handle));
}

void vmb_device_overlay(struct vmb_device *device, const struct vmb_device_commands *overlay,
	struct vmb_device_commands *next)
{
	*next = device->commands;
	vmb_device_commands_lay(&device->commands, overlay);
}

void vmb_device_add_figures(struct vmb_device *device, struct vmb_figures *figures)
{
	figures->next = device->figures;
	device->figures = figures;
}
