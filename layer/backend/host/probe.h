/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_HOST_PROBE_H
#define VMB_BACKEND_HOST_PROBE_H

#include "backend/probe_device.h"

/*
 * Imports host pages into a buffer, maps other memory over one of them, and has the device copy
 * from that page and to it. Both copies must use the new memory. As vmb_backend.probe.
 */
const char *vmb_host_probe(const struct vmb_probe_device *device, uint64_t *address_space);

#endif
