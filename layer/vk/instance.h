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
#include "vk/dispatch.h"

struct vmb_physical_device;

/* A VkInstance that the application made with the layer enabled. */
struct vmb_instance {
	VkInstance handle;
	struct vmb_instance_dispatch next;
	struct vmb_settings settings;
	/* What the settings ask for, NULL if they do not or it cannot be had. */
	struct vmb_trace *trace;
	/* What the application wrote for it uses; 1.0 if it did not say. */
	uint32_t api_version;
	/* The loader's own object, where handle is that of a layer below which wraps it. */
	VkInstance loader_handle;
	/* The loader's, for a device of the layer's own; NULL if the loader has none. They know
	 * loader_handle only. */
	PFN_vkLayerCreateDevice create_device;
	PFN_vkLayerDestroyDevice destroy_device;
	/* By which the loader knows who asks for it. */
	PFN_vkGetInstanceProcAddr layer_get;
	/* VkPhysicalDevice to vmb_physical_device, filled as they are first asked about. */
	struct vmb_map physical_devices;
	/* Held while one is added; taken before a physical device's own lock. */
	pthread_mutex_t physical_devices_lock;
};

/* The instance of a VkInstance or VkPhysicalDevice. */
struct vmb_instance *vmb_instance_of(const void *dispatchable);

/*
 * The object of a physical device, decided. NULL if its instance has the layer turned off, or if
 * memory is short: then the caller passes the call on. The first time it may create a device to try
 * the driver out: that is when physical devices are enumerated (query.c says why).
 */
struct vmb_physical_device *vmb_physical_device_get(VkPhysicalDevice handle);

#define vmb_instance_log(instance, level, ...) vmb_log((instance)->settings.log, level, __VA_ARGS__)

VKAPI_ATTR VkResult VKAPI_CALL vmb_CreateInstance(
	const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *out);
VKAPI_ATTR void VKAPI_CALL vmb_DestroyInstance(
	VkInstance handle, const VkAllocationCallbacks *allocator);

#endif
