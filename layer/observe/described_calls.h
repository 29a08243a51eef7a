/* SPDX-License-Identifier: MIT */
#ifndef VMB_OBSERVE_DESCRIBED_CALLS_H
#define VMB_OBSERVE_DESCRIBED_CALLS_H

#include "vk/commands.h"

/* Commands that trace handles, sizes and binds of a call besides its result. docs/traces.md lists
 * the members. */

/* For every traced device, whether or not a feature replaces the command. */
extern const struct vmb_device_commands vmb_observe_described_always;
/* For devices where a feature replaces the command. */
extern const struct vmb_device_commands vmb_observe_described;

#endif
