/* SPDX-License-Identifier: MIT */
#ifndef VMB_OBSERVE_DEVICE_H
#define VMB_OBSERVE_DEVICE_H

#include "base/map.h"
#include "base/trace.h"
#include "vk/device.h"

/* The state of the feature on one device. */
struct vmb_observe {
	struct vmb_device *device; /* NULL until the driver's device is created */
	/* NULL if only statistics are written: the members below are unused then. */
	struct vmb_trace *trace;
	struct vmb_device_commands next;
	/* The device's sparse resources, on every route: handle to vmb_observed_resource. */
	struct vmb_map buffers;
	struct vmb_map images;
};

static inline struct vmb_observe *vmb_observe_of(const void *dispatchable)
{
	return vmb_device_of(dispatchable)->features[VMB_FEATURE_OBSERVE];
}

#endif
