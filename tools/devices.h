/* SPDX-License-Identifier: MIT */
#ifndef VMB_DEVICES_H
#define VMB_DEVICES_H

#include "base/settings.h"
#include "child.h"
#include "loader.h"
#include "report.h"

/* Queries of devices, for vmb_query_run(). The child drops the layer from its environment. */

struct vmb_driver_filter {
	const char *manifest; /* of the only driver to load, NULL for all drivers */
	bool without_layers; /* load no other layer either */
};

struct vmb_count_answer {
	struct vmb_answer answer; /* first */
	struct vmb_loader_facts loader;
	uint32_t count;
};

/* Fills in a vmb_count_answer. data: a vmb_driver_filter. */
vmb_query vmb_query_device_count;

struct vmb_device_query {
	const struct vmb_driver_filter *filter;
	uint32_t index; /* in vkEnumeratePhysicalDevices */
	const struct vmb_settings *settings;
};

/* Fills in a vmb_device_answer. data: a vmb_device_query. */
vmb_query vmb_query_device;

#endif
