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

struct vmb_physical_device;

/* A VkInstance that the application creates with the layer enabled. create_instance.c owns it. */
struct vmb_instance {
	VkInstance handle;
	PFN_vkGetInstanceProcAddr get_driver_command;
	PFN_vkDestroyInstance destroy;
	PFN_vkCreateDevice create_device;
	/* The next layer's or the driver's commands. */
	struct vmb_instance_commands driver;
	/* driver with the layer's overlays, but not with the overlay of the trace. Physical devices
	 * on the native route use this table. */
	struct vmb_instance_commands untraced;
	/* The application's commands: untraced with the overlay of the trace. */
	struct vmb_instance_commands commands;
	struct vmb_settings settings;
	/* NULL without VMBIND_TRACE, or if the file cannot be opened. */
	struct vmb_trace *trace;
	/* The application's VkApplicationInfo.apiVersion; 1.0 by default. */
	uint32_t api_version;
	/* The loader's object. Differs from handle if a layer below wraps instances. */
	VkInstance loader_handle;
	/* The loader's callbacks for devices that the layer creates. Both take loader_handle. NULL
	 * if the loader has no callbacks. */
	PFN_vkLayerCreateDevice loader_create_device;
	PFN_vkLayerDestroyDevice loader_destroy_device;
	/* The layer's vkGetInstanceProcAddr. loader_create_device uses it to find the layer in the
	 * chain. */
	PFN_vkGetInstanceProcAddr layer_get;
	/* VkPhysicalDevice to vmb_physical_device. vkEnumeratePhysicalDevices,
	 * vkEnumeratePhysicalDeviceGroups and vkCreateDevice add entries. */
	struct vmb_map physical_devices;
	/* The list of all objects, which owns them. An object of an unplugged device is only here
	 * if its handle names another device. */
	struct vmb_physical_device *all_physical_devices;
	/* Held while a physical device is added. Guards the list. */
	pthread_mutex_t physical_devices_lock;
};

/* Reserves an entry in the table of vmb_instance_of(). Returns 0 or -ENOMEM. Any thread, as the
 * next functions. */
int vmb_instance_reserve(struct vmb_instance *instance);
/* Registers an instance with a reserved entry under its handle. */
void vmb_instance_register(struct vmb_instance *instance);
/* Frees an entry that is reserved, but not registered. */
void vmb_instance_unreserve(struct vmb_instance *instance);
/* The instance of a VkInstance or VkPhysicalDevice; NULL if it is not registered. */
struct vmb_instance *vmb_instance_of(const void *dispatchable);
/* Removes an instance from the table. Returns the instance, which the caller owns. */
struct vmb_instance *vmb_instance_unregister(VkInstance handle);

#define vmb_instance_log(instance, level, ...) vmb_log((instance)->settings.log, level, __VA_ARGS__)

#endif
