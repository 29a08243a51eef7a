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

/* A physical device, as a child process without the layer sees it. If the child failed, the members
 * that it did not reach are 0. */
struct vmb_device_answer {
	struct vmb_answer answer; /* first */
	VkPhysicalDeviceProperties properties;
	VkDriverId driver_id;
	char driver[VK_MAX_DRIVER_NAME_SIZE]; /* empty if the driver does not report it */
	char driver_info[VK_MAX_DRIVER_INFO_SIZE];
	VkPhysicalDeviceFeatures features;
	uint64_t mappable_heap; /* size of the largest host-visible heap */
	/* A bit for each of the first 32 queue families: the family can bind. */
	uint32_t sparse_families;
	struct vmb_kernel_facts kernel;
	/* The decision. Its strings are literals, at the same address in parent and child. */
	bool is_decided;
	enum vmb_route route;
	const char *reason;
	const char *fault; /* NULL if there is none */
	VkPhysicalDeviceFeatures provided; /* the layer's sparse features; provide only */
	uint64_t provided_addresses; /* bytes; provide only */
	bool defers; /* the layer defers mappings in hostmem */
	bool joins_binds;
	const char *joins_reason; /* also if the layer does not join binds */
};

struct vmb_device_report {
	struct vmb_device_answer *answer; /* shared with the child */
	struct vmb_problem problem;
	char *manifest; /* of its driver; NULL if all drivers were queried together */
};

/* A driver that breaks vkCreateInstance or vkEnumeratePhysicalDevices for all drivers. */
struct vmb_driver_report {
	char *manifest;
	struct vmb_problem problem;
};

struct vmb_report {
	struct utsname system;
	struct vmb_loader_facts loader;
	struct vmb_problem problem; /* of the query with all drivers and layers */
	struct vmb_layer_state layer;
	struct vmb_driver_report *drivers;
	size_t driver_count;
	/* Another layer breaks the instance. The devices were queried without layers. */
	bool has_broken_layer;
	struct vmb_device_report *devices;
	size_t device_count;
};

/* True if the layer improves the device. */
bool vmb_device_gains(const struct vmb_device_report *device);
/* True if the query of a device is complete. */
bool vmb_report_has_answers(const struct vmb_report *report);
bool vmb_report_has_gains(const struct vmb_report *report);

/* Makes all queries. Returns 0 or -ENOMEM. Finish the report in any case. */
int vmb_report_init(struct vmb_report *report, const struct vmb_query_options *options,
	const struct vmb_settings *settings);
void vmb_report_finish(struct vmb_report *report);

#endif
