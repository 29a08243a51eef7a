/* SPDX-License-Identifier: MIT */
#include "vk/trampolines.h"

#include <stddef.h>

#include "vk/device.h"
#include "vk/physical_device.h"

/* A physical device that the layer has not seen yet uses its instance's commands. */
static const struct vmb_instance_commands *physical_device_commands(VkPhysicalDevice handle)
{
	const struct vmb_physical_device *physical = vmb_physical_device_find(handle);

	return physical ? &physical->commands : &vmb_instance_of(handle)->commands;
}

#define PHYSICAL_DEVICE_TRAMPOLINE(type, name, alias, since, parameters, arguments) \
	static VKAPI_ATTR type VKAPI_CALL trampoline_##name parameters \
	{ \
		return physical_device_commands(handle)->name arguments; \
	}
#define DEVICE_TRAMPOLINE(type, name, alias, since, parameters, arguments) \
	static VKAPI_ATTR type VKAPI_CALL trampoline_##name parameters \
	{ \
		return vmb_device_of(handle)->commands.name arguments; \
	}

VMB_PHYSICAL_DEVICE_COMMANDS(PHYSICAL_DEVICE_TRAMPOLINE)
VMB_DEVICE_COMMANDS(DEVICE_TRAMPOLINE)

#define TRAMPOLINE(type, name, alias, since, parameters, arguments) .name = trampoline_##name,

PFN_vkVoidFunction vmb_trampoline(const struct vmb_command *command)
{
	static const struct vmb_instance_commands physical_device = { VMB_PHYSICAL_DEVICE_COMMANDS(
		TRAMPOLINE) };
	static const struct vmb_device_commands device = { VMB_DEVICE_COMMANDS(TRAMPOLINE) };

	switch (command->level) {
	case VMB_COMMAND_PHYSICAL_DEVICE:
		return vmb_command_in(&physical_device, command);
	case VMB_COMMAND_DEVICE:
		return vmb_command_in(&device, command);
	default:
		return NULL;
	}
}
