/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_HOST_PROBE_H
#define VMB_BACKEND_HOST_PROBE_H

#include "backend/probe_device.h"

/*
 * Imports a host page into a buffer, maps other memory over the page, and has the device copy out
 * of the page and into it. True if the device sees the new memory both times. *address_space: as in
 * vmb_backend.
 */
bool vmb_host_probe(const struct vmb_probe_device *device, uint64_t *address_space);

#endif
