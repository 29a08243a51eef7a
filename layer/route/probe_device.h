/* SPDX-License-Identifier: MIT */
#ifndef VMB_ROUTE_PROBE_DEVICE_H
#define VMB_ROUTE_PROBE_DEVICE_H

#include "backend/backend.h"
#include "vk/physical_device.h"

/*
 * Probes a backend on a device of the layer's own, which is gone afterwards. Allocates nothing
 * through the application's allocator. *address_space: as in vmb_backend.
 */
bool vmb_route_probe(const struct vmb_physical_device *physical, const struct vmb_backend *backend,
	uint64_t *address_space);

#endif
