/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_TRAMPOLINES_H
#define VMB_VK_TRAMPOLINES_H

#include "vk/commands.h"

/*
 * The function that vkGetInstanceProcAddr hands out for a command of a physical device or a device:
 * it has to serve every one of the instance. The function looks the object up and calls the command
 * of its table. NULL for other commands. Any thread.
 */
PFN_vkVoidFunction vmb_trampoline(const struct vmb_command *command);

#endif
