/* SPDX-License-Identifier: MIT */
#ifndef VMB_REPORT_H
#define VMB_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/utsname.h>
#include <vulkan/vulkan.h>

#include "base/settings.h"
#include "child.h"
#include "kernel_facts.h"
#include "layer_state.h"
#include "route/rules.h"

/* What vmbind-info has found out. */

/* One physical device, as its driver describes it to a child without the layer. What the child did
 * not come to is 0. */
struct vmb_device_answer {
	struct vmb_answer answer; /* first */
	VkPhysicalDeviceProperties properties;
	VkDriverId driver_id;
	char driver[VK_MAX_DRIVER_NAME_SIZE]; /* empty if it does not say */
	char driver_info[VK_MAX_DRIVER_INFO_SIZE];
	VkPhysicalDeviceFeatures features;
	uint64_t mappable_heap; /* bytes: the largest that the host can see */
	uint32_t sparse_families; /* a bit for each queue family that binds, of the first 32 */
	struct vmb_kernel_facts kernel;
	/* The decision. The sentences are constants of the program, at the same address in the
	 * child. */
	bool is_decided;
	enum vmb_route route;
	const char *reason;
	const char *fault; /* NULL if there is none */
	uint64_t provided_addresses; /* bytes; provide only */
	bool defers; /* the layer defers the mapping of memory into hostmem */
};

struct vmb_device_report {
	struct vmb_device_answer *answer; /* shared with the child */
	struct vmb_problem problem;
	char *manifest; /* of its driver, NULL if drivers were not asked one by one */
};

/* A driver that spoils vkCreateInstance or vkEnumeratePhysicalDevices for all of them. */
struct vmb_driver_report {
	char *manifest;
	struct vmb_problem problem;
};

struct vmb_report {
	struct utsname system;
	struct vmb_loader_facts loader;
	struct vmb_problem problem; /* why there are no devices */
	struct vmb_layer_state layer;
	struct vmb_driver_report *drivers;
	size_t driver_count;
	/* it spoils the instance, and no driver: devices are asked without layers */
	bool has_broken_layer;
	struct vmb_device_report *devices;
	size_t device_count;
};

/* Whether the layer does something for the device. */
bool vmb_device_gains(const struct vmb_device_report *device);
/* Whether any device was asked to the end. */
bool vmb_report_has_answers(const struct vmb_report *report);
bool vmb_report_has_gains(const struct vmb_report *report);

/* Asks everything; -ENOMEM. Finish it in any case. */
int vmb_report_init(struct vmb_report *report, const struct vmb_asking *asking,
	const struct vmb_settings *settings);
void vmb_report_finish(struct vmb_report *report);

#endif
