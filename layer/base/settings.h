/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_SETTINGS_H
#define VMB_BASE_SETTINGS_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "base/log.h"
#include "virtgpu/translator.h"

/* What the user asks for with VMBIND_ROUTE; auto leaves the choice to route.c. */
enum vmb_route_wish {
	VMB_WISH_AUTO,
	VMB_WISH_NATIVE,
	VMB_WISH_ASSIST,
	VMB_WISH_PROVIDE,
	VMB_WISH_OFF,
};

/*
 * The settings of one instance, read once when it is created: from VkLayerSettingsCreateInfoEXT if
 * the application passes one (names "route", "defer_blobs", "log", "stats", "trace", each a string), then
 * from the environment (VMBIND_ROUTE and so on), which wins because it is the user's word.
 * The environment is ignored in set-uid programs.
 */
struct vmb_settings {
	/* DISABLE_VMBIND_SPARSE is set, or the route wished for is off: the layer does nothing. */
	bool disabled;
	enum vmb_route_wish route;
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
