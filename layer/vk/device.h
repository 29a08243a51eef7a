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
	VMB_FEATURE_REFUSAL,
	VMB_FEATURE_ASSIST,
	VMB_FEATURE_MERGE,
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
	/* The application's commands: driver with the overlays of all features. */
	struct vmb_device_commands commands;
	/* The route of the device: the physical device's, or native if the application enables no
	 * sparse feature. */
	enum vmb_route route;
	/* The state of each feature, by vmb_feature_id. NULL for a feature without work here. */
	void *features[VMB_FEATURES];
	/* Commands of extensions that only the layer enabled: the application gets NULL for them.
	 * Ends with NULL. */
	const char *hidden_commands[8];
	/* The driver may wait for ever in vkDestroyDevice, so the layer leaks the driver's
	 * device. */
	bool is_stranded;
	struct vmb_statistics statistics;
	struct vmb_figures *figures; /* a list; each feature owns its entry */
};

/*
 * A feature. create_device.c calls the functions in the order of the members. It calls prepare for
 * every feature, and the other functions only for a feature with state on the device.
 */
struct vmb_feature {
	enum vmb_feature_id id;
	/* Sets device->features[id] if the feature has work on this device. May change *info for
	 * the driver. What *info then points to must stay valid until create_end. */
	VkResult (*prepare)(struct vmb_device *device, VkDeviceCreateInfo *info);
	/* Before and after vkCreateDevice of the driver, on one thread. Optional. */
	void (*create_begin)(struct vmb_device *device);
	void (*create_end)(struct vmb_device *device);
	/* The driver's device exists. Lays the feature's commands over device->commands. On failure
	 * the caller calls finish. A feature without work here may call its own finish. */
	VkResult (*init)(struct vmb_device *device);
	/* Frees the state and sets device->features[id] to NULL. May follow prepare without
	 * init. */
	void (*finish)(struct vmb_device *device);
};

/* Adds a device to the table of vmb_device_of(). Returns 0 or -ENOMEM. Any thread, as the next
 * two. */
int vmb_device_register(struct vmb_device *device);
/* The device of a VkDevice, VkQueue or VkCommandBuffer; NULL if it is not registered. */
struct vmb_device *vmb_device_of(const void *dispatchable);
/* Removes a device from the table. Returns the device, which the caller owns. */
struct vmb_device *vmb_device_unregister(VkDevice handle);

/* Copies device->commands to *next and lays a feature's commands over device->commands. */
void vmb_device_overlay(struct vmb_device *device, const struct vmb_device_commands *overlay,
	struct vmb_device_commands *next);

/* Adds figures to the device's statistics. figures must stay valid until the device is
 * destroyed. */
void vmb_device_add_figures(struct vmb_device *device, struct vmb_figures *figures);

#define vmb_device_log(device, level, ...) \
	vmb_instance_log((device)->physical->instance, level, __VA_ARGS__)

#endif
