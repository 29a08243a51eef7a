/* SPDX-License-Identifier: MIT */
#ifndef VMB_CHECK_SURVEY_H
#define VMB_CHECK_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan.h>

#include "child.h"

/* What the user's environment does with the layer in the processes of a run. */
enum layer_use {
	LAYER_AS_IS, /* as the environment says */
	LAYER_OFF,
	LAYER_ON,
};

/* Sets the environment of this process, before the first Vulkan call. 0 or -ENOMEM. */
int layer_use_apply(enum layer_use use);

/* A device: the nth of the devices that have this name. */
struct survey_choice {
	char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
	uint32_t nth;
};

struct survey_device {
	struct survey_choice choice;
	char driver[VK_MAX_DRIVER_NAME_SIZE];
	char driver_info[VK_MAX_DRIVER_INFO_SIZE];
	uint32_t api_version;
	VkPhysicalDeviceType type;
	VkPhysicalDeviceFeatures features;
	bool has_bind_queue;
	bool has_layer; /* the layer is enabled: vkGetPhysicalDeviceToolProperties() lists it */
};

#define SURVEY_MAX 16

struct survey {
	struct vmb_answer answer; /* first */
	struct survey_device devices[SURVEY_MAX];
	uint32_t count;
};

/* Lists the devices, in a child process. Free with vmb_answer_free(). */
struct survey *survey_run(
	const struct vmb_query_options *options, enum layer_use use, struct vmb_problem *problem);

/* The device that text names: an index, a part of a name, or NULL for the first device with sparse
 * binding, a GPU before a CPU. NULL if there is none. */
const struct survey_device *survey_find(const struct survey *survey, const char *text);
bool survey_has_sparse(const struct survey_device *device);

/* Creates an instance and finds the chosen device; for child processes. */
VkResult survey_open(
	const struct survey_choice *choice, VkInstance *instance, VkPhysicalDevice *physical);

#endif
