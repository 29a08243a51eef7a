/* SPDX-License-Identifier: MIT */
#ifndef VMB_DEVICES_H
#define VMB_DEVICES_H

#include "base/settings.h"
#include "child.h"
#include "loader.h"
#include "report.h"

/* The questions about devices, for vmb_ask(). They drop the layer from the environment. */

struct vmb_asked {
	const char *manifest; /* of the one driver, NULL for all */
	bool without_layers; /* of anybody's */
};

struct vmb_count_answer {
	struct vmb_answer answer; /* first */
	struct vmb_loader_facts loader;
	uint32_t count;
};

/* How many devices there are; data: a vmb_asked. */
vmb_question vmb_count_devices;

struct vmb_device_question {
	const struct vmb_asked *asked;
	uint32_t index; /* in the order in which they are enumerated */
	const struct vmb_settings *settings;
};

/* Fills in a vmb_device_answer. */
vmb_question vmb_describe_device;

#endif
