/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_INSTANCE_H
#define VMB_VK_INSTANCE_H

#include <pthread.h>
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

#include "base/log.h"
#include "base/map.h"
#include "base/settings.h"
#include "base/trace.h"
#include "vk/commands.h"

/* A VkInstance that the application creates with the layer enabled. create_instance.c owns it. */
struct vmb_instance {
	VkInstance handle;
	PFN_vkGetInstanceProcAddr get_driver_command;
	PFN_vkDestroyInstance destroy;
	PFN_vkCreateDevice create_device;
	/* The next layer's or the driver's commands. */
	struct vmb_instance_commands driver;
	/* With the layer's overlays, except for the trace's; of physical devices on the native
	 * route. */
	struct vmb_instance_commands untraced;
	/* With all overlays: what the application gets. */
	struct vmb_instance_commands commands;
	struct vmb_settings settings;
	/* NULL without the setting, or if the file cannot be opened. */
	struct vmb_trace *trace;
	/* The application's VkApplicationInfo.apiVersion; 1.0 by default. */
	uint32_t api_version;
	/* The loader's own object, where handle is an object of a layer below that wraps it. */
	VkInstance loader_handle;
	/* The loader's callbacks for a device of the layer's own, which take loader_handle. NULL if
	 * the loader has none. */
	PFN_vkLayerCreateDevice loader_create_device;
	PFN_vkLayerDestroyDevice loader_destroy_device;
	/* The layer's vkGetInstanceProcAddr, by which the loader finds the layer in the chain. */
	PFN_vkGetInstanceProcAddr layer_get;
	/* VkPhysicalDevice to vmb_physical_device; filled when the application enumerates. */
	struct vmb_map physical_devices;
	/* Held while a physical device is added; taken before a physical device's own lock. */
	pthread_mutex_t physical_devices_lock;
};

/* Makes an instance known to vmb_instance_of(); -ENOMEM. Any thread, as the other two. */
int vmb_instance_register(struct vmb_instance *instance);
/* The instance of a VkInstance or VkPhysicalDevice. */
struct vmb_instance *vmb_instance_of(const void *dispatchable);
/* As above; the instance is no longer known afterwards. */
struct vmb_instance *vmb_instance_unregister(VkInstance handle);

#define vmb_instance_log(instance, level, ...) vmb_log((instance)->settings.log, level, __VA_ARGS__)

#endif
