/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_TRAMPOLINES_H
#define VMB_VK_TRAMPOLINES_H

#include "vk/commands.h"

/*
 * The function that vkGetInstanceProcAddr returns for a command of a physical device or a device.
 * The function serves all physical devices and devices. It looks up the object of the handle and
 * calls the command from the object's table. NULL for other commands. Any thread.
 */
PFN_vkVoidFunction vmb_trampoline(const struct vmb_command *command);

#endif
