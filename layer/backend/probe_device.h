/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PROBE_DEVICE_H
#define VMB_BACKEND_PROBE_DEVICE_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "vk/physical_device.h"

/* A device that never finishes shall not keep the application from starting. */
#define VMB_PROBE_PATIENCE_NS UINT64_C(10000000000)

/* A device that the layer makes by itself, with one queue. */
struct vmb_probe_device {
	const struct vmb_physical_device *physical;
	VkDevice handle;
	uint32_t family;
	VkQueue queue;
	PFN_vkGetDeviceProcAddr get;
};

/* An extension that a trial needs; core since that version, 0 if it is not. */
struct vmb_probe_extension {
	const char *name;
	uint32_t core;
};

#define VMB_PROBE_EXTENSIONS 4

/* The queue is of the first family that can copy. chain goes into the device's create info. If it is
 * false the device may be there or not, to be destroyed in any case. */
bool vmb_probe_device_create(struct vmb_probe_device *device,
	const struct vmb_physical_device *physical, const struct vmb_probe_extension *extensions,
	size_t extension_count, const void *chain);
/* Accepts one that could not be created. */
void vmb_probe_device_destroy(struct vmb_probe_device *device);

/* To be called with each dispatchable object that is made on the device. */
void vmb_probe_device_adopt(const struct vmb_probe_device *device, void *dispatchable);

#endif
