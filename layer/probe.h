/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROBE_H
#define VMB_PROBE_H

#include <stdbool.h>

#include "physical_device.h"

/* A trial of what a backend stands on, on a device of the layer's own that is gone afterwards. */

/*
 * The host backend: imports a host page into a buffer, maps other memory over the page, and has the
 * device copy out of it and into it. True if the device saw the remapped page both times.
 */
bool vmb_probe_host(const struct vmb_physical_device *physical);

#endif
