/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_COMMANDS_H
#define VMB_PROVIDE_COMMANDS_H

#include "vk/commands.h"

/* The queries of a physical device on the provide route: the driver's results, with sparse
 * resources added. */
extern const struct vmb_instance_commands vmb_provide_queries;

/* The commands that the provide feature replaces, each in the file of its object. */
extern const struct vmb_device_commands vmb_provide_memory_commands;
extern const struct vmb_device_commands vmb_provide_buffer_commands;
extern const struct vmb_device_commands vmb_provide_image_commands;
extern const struct vmb_device_commands vmb_provide_bind_commands;
extern const struct vmb_device_commands vmb_provide_wait_commands;

#endif
