/* SPDX-License-Identifier: MIT */
#ifndef VMB_DEMO_DEVICE_H
#define VMB_DEMO_DEVICE_H

#include "vk.h"

/* What the tour has to know of a device before it creates anything. */
struct device_traits {
	bool has_layer;
	/* Whether shaders can follow 64-bit pointers. */
	bool has_addresses;
	/* Whether an unbound page reads as zeros, rather than as anything. */
	bool strict;
	VkDeviceSize max_buffer_size;
	VkDeviceSize sparse_address_space;
	VkDeviceSize max_storage_range;
};

/* Ends the program if the device lacks what the tour shows, and says why. Prints if verbose. */
struct device_traits device_examine(const struct vku *vk, bool verbose);

#endif
