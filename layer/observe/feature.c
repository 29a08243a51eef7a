/* SPDX-License-Identifier: MIT */
#include "observe/feature.h"

#include <stdlib.h>

#include "observe/calls.h"
#include "observe/described_calls.h"
#include "observe/device.h"
#include "observe/resource.h"
#include "observe/statistics.h"

static VkResult prepare(struct vmb_device *device, VkDeviceCreateInfo *info)
{
	const struct vmb_instance *instance = device->physical->instance;

	(void)info;
	if (!instance->trace && !instance->settings.stats) {
		return VK_SUCCESS;
	}
	struct vmb_observe *observe = calloc(1, sizeof(*observe));
	if (!observe) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	observe->trace = instance->trace;
	device->features[VMB_FEATURE_OBSERVE] = observe;
	return VK_SUCCESS;
}

static VkResult init(struct vmb_device *device)
{
	struct vmb_observe *observe = device->features[VMB_FEATURE_OBSERVE];
	struct vmb_device_commands overlay = vmb_observe_described_always;

	observe->device = device;
	if (!observe->trace) {
		return VK_SUCCESS;
	}
	vmb_observed_resources_init(observe);
	/* The trace shows every call of a command that some feature replaces. */
	vmb_device_commands_add_changed(
		&overlay, &vmb_observe_described, &device->commands, &device->driver);
	vmb_device_commands_add_changed(
		&overlay, &vmb_observe_calls, &device->commands, &device->driver);
	vmb_device_overlay(device, &overlay, &observe->next);
	return VK_SUCCESS;
}

static void finish(struct vmb_device *device)
{
	struct vmb_observe *observe = device->features[VMB_FEATURE_OBSERVE];

	if (observe->device) {
		vmb_statistics_write(device);
	}
	if (observe->device && observe->trace) {
		vmb_observed_resources_finish(observe);
	}
	free(observe);
	device->features[VMB_FEATURE_OBSERVE] = NULL;
}

const struct vmb_feature vmb_observe_feature = {
	.id = VMB_FEATURE_OBSERVE,
	.prepare = prepare,
	.init = init,
	.finish = finish,
};
