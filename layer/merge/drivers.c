/* SPDX-License-Identifier: MIT */
#include "merge/drivers.h"

#include <stddef.h>

/* VK_DRIVER_ID_MESA_HONEYKRISP, which older headers lack. */
#define HONEYKRISP ((VkDriverId)26)

/*
 * The drivers that were measured, with Mesa 26.2.6 or as noted. docs/merge.md holds the figures.
 * Where the order of blocks is known, the evidence is data, or equal final mappings of one bind and
 * of a bind for each block.
 */
static const struct driver {
	VkDriverId driver;
	struct vmb_merge_choice choice;
} drivers[] = {
	/* Equal mappings in 2D and 3D. */
	{ VK_DRIVER_ID_MESA_RADV, { true, true, "radv makes an ioctl for each bind" } },
	/* Equal mappings in 2D and 3D. */
	{ VK_DRIVER_ID_MESA_NVK, { true, true, "nvk makes a kernel operation for each bind" } },
	/* Equal mappings in 2D. */
	{ HONEYKRISP, { true, true, "honeykrisp makes kernel operations for each bind" } },
	/* Mesa 26.1.6. Data in 2D and 3D. */
	{ VK_DRIVER_ID_MESA_LLVMPIPE,
		{ true, true, "lavapipe makes a system call for each bind" } },
	/* Mesa 26.1.6 and 26.2.6. Equal mappings in 2D and 3D. */
	{ VK_DRIVER_ID_MESA_PANVK, { true, true, "panvk makes a kernel operation for each bind" } },
};

static struct vmb_merge_choice off(const char *reason)
{
	return (struct vmb_merge_choice){ .reason = reason };
}

struct vmb_merge_choice vmb_merge_choose(const struct vmb_physical_device *physical)
{
	const struct vmb_settings *settings = &physical->instance->settings;

	if (physical->route == VMB_ROUTE_PROVIDE) {
		return off("the layer joins the binds of its own sparse resources");
	}
	if (!physical->driver_has_sparse) {
		return off("the driver has no sparse resources");
	}
	if (settings->disabled || settings->merge == VMB_MERGE_OFF) {
		return off("requested by the user");
	}
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (drivers[i].driver == physical->driver_id) {
			return drivers[i].choice;
		}
	}
	if (settings->merge == VMB_MERGE_ON) {
		return (struct vmb_merge_choice){ .joins = true,
			.reason = "requested by the user" };
	}
	return off("the driver was not measured");
}
