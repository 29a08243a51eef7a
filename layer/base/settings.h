/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_SETTINGS_H
#define VMB_BASE_SETTINGS_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "base/log.h"

/* What the user asks for with VMBIND_ROUTE; auto leaves the choice to route.c. */
enum vmb_route_request {
	VMB_REQUEST_AUTO,
	VMB_REQUEST_NATIVE,
	VMB_REQUEST_ASSIST,
	VMB_REQUEST_PROVIDE,
	VMB_REQUEST_OFF,
};

/* What the user asks for with VMBIND_DEFER_BLOBS. */
enum vmb_defer {
	VMB_DEFER_AUTO, /* where the kernel was seen to honour the hint */
	VMB_DEFER_ON, /* where it was not seen to ignore it */
	VMB_DEFER_OFF, /* nowhere: hints of the driver's own are cleared */
};

/*
 * The settings of one instance, read once when it is created: from VkLayerSettingsCreateInfoEXT if
 * the application passes one (names "route", "defer_blobs", "log", "stats", "trace", each a
 * string), then from the environment (VMBIND_ROUTE and so on), which wins because it is the user's
 * word. The environment is ignored in set-uid programs.
 */
struct vmb_settings {
	/* DISABLE_VMBIND_SPARSE is set, or the route wished for is off: the layer does nothing. */
	bool disabled;
	enum vmb_route_request route;
	enum vmb_defer defer_blobs;
	enum vmb_log_level log;
	char *stats; /* path, "-" for standard output, NULL for none; owned */
	char *trace; /* path, NULL for none; owned */
};

/* A value that is not understood is reported and the default kept. -ENOMEM. */
int vmb_settings_init(struct vmb_settings *settings, const VkInstanceCreateInfo *info);
/* Accepts zeroed settings. */
void vmb_settings_finish(struct vmb_settings *settings);

#endif
