/* SPDX-License-Identifier: MIT */
#include "assist/feature.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assist/device.h"
#include "assist/null_memory.h"
#include "vk/sparse_features.h"

static VkResult prepare(struct vmb_device *device, VkDeviceCreateInfo *info)
{
	if (device->physical->route != VMB_ROUTE_ASSIST || !vmb_wants_sparse(info)) {
		return VK_SUCCESS;
	}
	struct vmb_assist *assist = calloc(1, sizeof(*assist));
	if (!assist) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	assist->device = device;
	device->features[VMB_FEATURE_ASSIST] = assist;
	return VK_SUCCESS;
}

static void create_begin(struct vmb_device *device)
{
	struct vmb_assist *assist = device->features[VMB_FEATURE_ASSIST];

	int ret = vmb_intercept_create(&vmb_panthor_translator, &assist->intercept);
	if (ret < 0) {
		vmb_device_log(device, VMB_LOG_WARN,
			"%s: the device stays native: cannot intercept the driver's ioctls: %s",
			device->physical->name, strerror(-ret));
		return;
	}
	vmb_assist_panthor(assist)->trace = device->physical->instance->trace;
	vmb_panthor_call_begin(
		&assist->create_call, assist->intercept, VMB_PANTHOR_CALL_CREATE_DEVICE);
}

static void create_end(struct vmb_device *device)
{
	struct vmb_assist *assist = device->features[VMB_FEATURE_ASSIST];

	if (assist->intercept) {
		vmb_driver_call_end(&assist->create_call.base);
	}
}

static void finish(struct vmb_device *device)
{
	struct vmb_assist *assist = device->features[VMB_FEATURE_ASSIST];

	vmb_null_memory_finish(assist);
	vmb_intercept_destroy(assist->intercept);
	free(assist);
	device->features[VMB_FEATURE_ASSIST] = NULL;
}

static void write_figures(void *state, FILE *out)
{
	const struct vmb_assist *assist = state;

	vmb_panthor_write_figures(vmb_assist_panthor(assist), out);
}

static VkResult init(struct vmb_device *device)
{
	struct vmb_assist *assist = device->features[VMB_FEATURE_ASSIST];
	const char *obstacle = vmb_null_memory_init(assist);

	if (obstacle) {
		vmb_device_log(device, VMB_LOG_WARN, "%s: the device stays native: %s",
			device->physical->name, obstacle);
		finish(device);
		return VK_SUCCESS;
	}
	assist->figures = (struct vmb_figures){ .write = write_figures, .state = assist };
	snprintf(assist->figures.kernel_driver, sizeof(assist->figures.kernel_driver),
		"panthor 1.%" PRIu32, vmb_assist_panthor(assist)->minor);
	vmb_device_add_figures(device, &assist->figures);
	assist->next = device->commands;
	vmb_device_commands_lay(&device->commands, &vmb_assist_creation_commands);
	vmb_device_commands_lay(&device->commands, &vmb_assist_bind_commands);
	device->route = VMB_ROUTE_ASSIST;
	return VK_SUCCESS;
}

const struct vmb_feature vmb_assist_feature = {
	.id = VMB_FEATURE_ASSIST,
	.prepare = prepare,
	.create_begin = create_begin,
	.create_end = create_end,
	.init = init,
	.finish = finish,
};
