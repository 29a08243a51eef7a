/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_DEVICE_H
#define VMB_VK_DEVICE_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "vk/commands.h"
#include "vk/physical_device.h"
#include "vk/statistics.h"

/* The features, in the order in which their commands are laid over the driver's. */
enum vmb_feature_id {
	VMB_FEATURE_PROVIDE,
	VMB_FEATURE_ASSIST,
	VMB_FEATURE_VIRTGPU,
	VMB_FEATURE_OBSERVE,
	VMB_FEATURES,
};

/* A VkDevice: identity, tables of commands, and a pointer to the state of each feature.
 * create_device.c owns it. */
struct vmb_device {
	VkDevice handle;
	/* NULL if the layer is turned off. */
	struct vmb_physical_device *physical;
	PFN_vkGetDeviceProcAddr get_driver_command;
	PFN_vkDestroyDevice destroy;
	/* The next layer's or the driver's commands. */
	struct vmb_device_commands driver;
	/* With the overlays of all features: what the application gets. */
	struct vmb_device_commands commands;
	/* What the layer does here: the physical device's route, or native if the application
	 * enables no sparse feature. */
	enum vmb_route route;
	/* By vmb_feature_id; NULL where a feature has nothing to do. */
	void *features[VMB_FEATURES];
	/* Commands of extensions that only the layer enabled: the application gets NULL for them.
	 * Ends with NULL. */
	const char *hidden_commands[8];
	/* The driver may wait for ever in vkDestroyDevice: its device is left behind. */
	bool is_stranded;
	struct vmb_statistics statistics;
	struct vmb_figures *figures; /* of features, a list */
};

/*
 * A feature. create_device.c calls its functions in the order of the members; each but prepare only
 * if the feature has a state on the device.
 */
struct vmb_feature {
	enum vmb_feature_id id;
	/* Sets device->features[id] if the feature has something to do on this device. May change
	 * *info, which the driver gets; its new parts stay until finish. */
	VkResult (*prepare)(struct vmb_device *device, VkDeviceCreateInfo *info);
	/* Before and after the driver creates its device, on one thread. Optional. */
	void (*create_begin)(struct vmb_device *device);
	void (*create_end)(struct vmb_device *device);
	/* The driver's device is there. Lays the feature's commands over device->commands. On
	 * failure finish follows. A feature that finds nothing to do here may finish itself. */
	VkResult (*init)(struct vmb_device *device);
	/* Frees the state, also one that was only prepared, and sets device->features[id] to
	 * NULL. */
	void (*finish)(struct vmb_device *device);
};

/* Makes a device known to vmb_device_of(); -ENOMEM. Any thread, as the other two. */
int vmb_device_register(struct vmb_device *device);
/* The device of a VkDevice or VkQueue. */
struct vmb_device *vmb_device_of(const void *dispatchable);
/* As above; the device is no longer known afterwards. */
struct vmb_device *vmb_device_unregister(VkDevice handle);

/* Copies the commands below a feature to *next and lays the feature's own over them. */
void vmb_device_overlay(struct vmb_device *device, const struct vmb_device_commands *overlay,
	struct vmb_device_commands *next);

/* Adds figures to the device's statistics; they stay until the device is destroyed. */
void vmb_device_add_figures(struct vmb_device *device, struct vmb_figures *figures);

#define vmb_device_log(device, level, ...) \
	vmb_instance_log((device)->physical->instance, level, __VA_ARGS__)

#endif
