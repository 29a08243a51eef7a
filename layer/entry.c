/* SPDX-License-Identifier: MIT */
#include "entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <vulkan/vk_layer.h>

#include "vk/device.h"
#include "vk/trampolines.h"

/* A command that every layer in the chain implements. The layer returns its own function even if
 * the layer is turned off. */
struct chain_command {
	const char *name;
	PFN_vkVoidFunction function;
};

static PFN_vkVoidFunction find(const struct chain_command *commands, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(commands[i].name, name) == 0) {
			return commands[i].function;
		}
	}
	return NULL;
}

#define CHAIN_COMMAND(name) \
	{ \
		"vk" #name, (PFN_vkVoidFunction)vmb_##name \
	}
#define FIND(commands, name) find(commands, sizeof(commands) / sizeof((commands)[0]), name)

/* vkGetInstanceProcAddr returns these commands also without an instance. */
static const struct chain_command instance_chain[] = {
	CHAIN_COMMAND(GetInstanceProcAddr),
	CHAIN_COMMAND(CreateInstance),
	CHAIN_COMMAND(DestroyInstance),
	CHAIN_COMMAND(CreateDevice),
	CHAIN_COMMAND(EnumerateInstanceLayerProperties),
	CHAIN_COMMAND(EnumerateInstanceExtensionProperties),
	CHAIN_COMMAND(EnumerateDeviceLayerProperties),
	CHAIN_COMMAND(EnumerateDeviceExtensionProperties),
};

static const struct chain_command device_chain[] = {
	CHAIN_COMMAND(GetDeviceProcAddr),
	CHAIN_COMMAND(DestroyDevice),
};

static bool is_hidden(const struct vmb_device *device, const char *name)
{
	for (const char *const *hidden = device->hidden_commands; *hidden; hidden++) {
		if (strcmp(*hidden, name) == 0) {
			return true;
		}
	}
	return false;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vmb_GetDeviceProcAddr(VkDevice handle, const char *name)
{
	struct vmb_device *device = vmb_device_of(handle);
	PFN_vkVoidFunction function = FIND(device_chain, name);

	if (function) {
		return function;
	}
	if (is_hidden(device, name)) {
		return NULL;
	}
	PFN_vkVoidFunction driver = device->get_driver_command(handle, name);
	struct vmb_command command = vmb_command_find(name);
	if (!driver || command.level != VMB_COMMAND_DEVICE) {
		return driver;
	}
	function = vmb_command_in(&device->commands, &command);
	return function == vmb_command_in(&device->driver, &command) ? driver : function;
}

/* The layer implements vkGetPhysicalDeviceToolProperties even if the driver lacks the command. */
static bool is_tool_properties(const struct vmb_command *command)
{
	return command->level == VMB_COMMAND_PHYSICAL_DEVICE &&
		command->offset ==
		offsetof(struct vmb_instance_commands, GetPhysicalDeviceToolProperties);
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vmb_GetInstanceProcAddr(
	VkInstance handle, const char *name)
{
	PFN_vkVoidFunction function = FIND(instance_chain, name);

	if (function || !handle) {
		return function;
	}
	function = FIND(device_chain, name);
	if (function) {
		return function;
	}
	struct vmb_instance *instance = vmb_instance_of(handle);
	PFN_vkVoidFunction driver = instance->get_driver_command(handle, name);
	struct vmb_command command = vmb_command_find(name);
	if (instance->settings.disabled || command.level == VMB_COMMAND_UNKNOWN) {
		return driver;
	}
	if (!driver && !is_tool_properties(&command)) {
		return NULL;
	}
	return command.level == VMB_COMMAND_INSTANCE ? vmb_command_in(&instance->commands, &command)
						     : vmb_trampoline(&command);
}

__attribute__((visibility("default"))) VKAPI_ATTR VkResult VKAPI_CALL
vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *interface)
{
	if (interface->sType != LAYER_NEGOTIATE_INTERFACE_STRUCT) {
		return VK_ERROR_INITIALIZATION_FAILED;
	}
	if (interface->loaderLayerInterfaceVersion < 2) {
		return VK_ERROR_INITIALIZATION_FAILED;
	}
	interface->loaderLayerInterfaceVersion = 2;
	interface->pfnGetInstanceProcAddr = vmb_GetInstanceProcAddr;
	interface->pfnGetDeviceProcAddr = vmb_GetDeviceProcAddr;
	interface->pfnGetPhysicalDeviceProcAddr = NULL;
	return VK_SUCCESS;
}
