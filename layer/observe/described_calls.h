/* SPDX-License-Identifier: MIT */
#ifndef VMB_OBSERVE_DESCRIBED_CALLS_H
#define VMB_OBSERVE_DESCRIBED_CALLS_H

#include "vk/commands.h"

/* The commands of a trace that describe more of a call than its result: handles, sizes, binds.
 * docs/traces.md lists the members. */

/* On every traced device, whether or not a feature replaces the command. */
extern const struct vmb_device_commands vmb_observe_described_always;
/* Where a feature replaces the command. */
extern const struct vmb_device_commands vmb_observe_described;

#endif
