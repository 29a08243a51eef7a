/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_SETTINGS_H
#define VMB_BASE_SETTINGS_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "base/log.h"

/* The values of VMBIND_ROUTE. With auto the layer chooses the route (route/rules.c). */
enum vmb_route_request {
	VMB_REQUEST_AUTO,
	VMB_REQUEST_NATIVE,
	VMB_REQUEST_ASSIST,
	VMB_REQUEST_PROVIDE,
	VMB_REQUEST_OFF,
};

/* The values of VMBIND_MERGE. */
enum vmb_merge_request {
	VMB_MERGE_AUTO, /* join binds on drivers that were seen to gain */
	VMB_MERGE_ON, /* on every driver */
	VMB_MERGE_OFF,
};

/* The values of VMBIND_DEFER_BLOBS. */
enum vmb_defer {
	VMB_DEFER_AUTO, /* defer if the kernel was seen to honour the hint */
	VMB_DEFER_ON, /* defer unless the kernel was seen to ignore the hint */
	VMB_DEFER_OFF, /* never defer, and clear the driver's own hints */
};

/*
 * The settings of an instance. vkCreateInstance reads them once: first from the application's
 * VkLayerSettingsCreateInfoEXT (strings "route", "merge", "defer_blobs", "log", "stats" and
 * "trace"), then from the environment (VMBIND_ROUTE and so on). The environment is the user's
 * choice, so it overrides the application. A set-uid program ignores the environment.
 */
struct vmb_settings {
	/* DISABLE_VMBIND_SPARSE is set, or the requested route is off: the layer does nothing. */
	bool disabled;
	enum vmb_route_request route;
	enum vmb_merge_request merge;
	enum vmb_defer defer_blobs;
	enum vmb_log_level log;
	char *stats; /* path, "-" for standard output, NULL for none; owned */
	char *trace; /* path, NULL for none; owned */
};

/* Logs an unknown value and keeps the value before. Returns 0 or -ENOMEM. */
int vmb_settings_init(struct vmb_settings *settings, const VkInstanceCreateInfo *info);
/* Frees the paths. Accepts zeroed settings. */
void vmb_settings_finish(struct vmb_settings *settings);

#endif
