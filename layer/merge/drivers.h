/* SPDX-License-Identifier: MIT */
#ifndef VMB_MERGE_DRIVERS_H
#define VMB_MERGE_DRIVERS_H

#include <stdbool.h>

#include "vk/physical_device.h"

/* Whether binds are joined on a physical device, and why. */
struct vmb_merge_choice {
	bool joins;
	/* Blocks of images with memory are joined: the driver takes the memory of a bind of several
	 * blocks in the order x, then y, then z. */
	bool blocks_in_order;
	const char *reason; /* one sentence for users, static */
};

/* Chooses by the setting, the route and the driver. The route is decided. Pure. */
struct vmb_merge_choice vmb_merge_choose(const struct vmb_physical_device *physical);

#endif
