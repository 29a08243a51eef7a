/* SPDX-License-Identifier: MIT */
#ifndef VMB_DEMO_DEVICE_H
#define VMB_DEMO_DEVICE_H

#include "vk.h"

/* The properties of a device that the tour depends on. */
struct device_traits {
	bool has_layer;
	/* Shaders can use 64-bit device addresses. */
	bool has_addresses;
	/* An unbound page reads as zeros. Otherwise its content is undefined. */
	bool strict;
	VkDeviceSize max_buffer_size;
	VkDeviceSize sparse_address_space;
	VkDeviceSize max_storage_range;
};

/* Ends the program with a message if the device lacks a feature that the tour needs. Prints the
 * device and the state of the layer if verbose. */
struct device_traits device_examine(const struct vku *vk, bool verbose);

#endif
