/* SPDX-License-Identifier: MIT */
#ifndef VMB_ROUTE_PROBE_DEVICE_H
#define VMB_ROUTE_PROBE_DEVICE_H

#include "backend/backend.h"
#include "vk/physical_device.h"

/*
 * Probes a backend, if needed on a device that the layer creates and destroys. Does not use the
 * application's allocator. Returns NULL if the backend works. Then *address_space is the number of
 * bytes that sparse resources can reserve. Otherwise returns the cause, as a static text for users.
 * One thread at a time for a physical device.
 */
const char *vmb_route_probe(const struct vmb_physical_device *physical,
	const struct vmb_backend *backend, uint64_t *address_space);

#endif
