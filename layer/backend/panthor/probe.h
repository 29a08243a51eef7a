/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PANTHOR_PROBE_H
#define VMB_BACKEND_PANTHOR_PROBE_H

#include "backend/probe_device.h"

/*
 * Reserves a range, binds memory to it, unbinds the memory, and has the driver wait for both binds.
 * Every step must succeed. As vmb_backend.probe.
 */
const char *vmb_panthor_probe(const struct vmb_probe_device *device, uint64_t *address_space);

#endif
