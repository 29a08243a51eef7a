/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROBE_H
#define VMB_PROBE_H

#include <stdbool.h>

#include "physical_device.h"

/*
 * Tries on a device of the layer's own what the host backend stands on: imports a host page into a
 * buffer, maps other memory over the page, and has the device copy out of it and into it. True if
 * the device saw the remapped page both times.
 */
bool vmb_probe_remap(const struct vmb_physical_device *physical);

#endif
