/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PROBE_H
#define VMB_BACKEND_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "vk/physical_device.h"

/* Trials of what a backend stands on, each on a device of the layer's own that is gone afterwards. */

/*
 * The host backend: imports a host page into a buffer, maps other memory over the page, and has the
 * device copy out of it and into it. True if the device saw the remapped page both times.
 */
bool vmb_probe_host(const struct vmb_physical_device *physical);

/*
 * The panthor backend: reserves a range, allocates memory, binds it and takes it away, and has the
 * driver wait for both. True if all that was done. *address_space becomes the sum of what could be
 * reserved on that device, in bytes.
 */
bool vmb_probe_panthor(const struct vmb_physical_device *physical, uint64_t *address_space);

#endif
