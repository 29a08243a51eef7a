/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_DEVICE_H
#define VMB_VIRTGPU_DEVICE_H

#include <stdatomic.h>

#include "virtgpu/intercept.h"
#include "vk/device.h"

/* The state of the feature on one device. */
struct vmb_virtgpu_device {
	struct vmb_device *device;
	struct vmb_device_commands next;
	struct vmb_intercept *intercept; /* NULL if intercepting failed */
	struct vmb_virtgpu_call create_call; /* while the driver creates its device */
	struct vmb_figures figures;
	atomic_bool deferral_logged;
};

static inline struct vmb_virtgpu_device *vmb_virtgpu_device_of(const void *dispatchable)
{
	return vmb_device_of(dispatchable)->features[VMB_FEATURE_VIRTGPU];
}

/* vkAllocateMemory, and the commands in which a driver may map memory. */
extern const struct vmb_device_commands vmb_virtgpu_memory_commands;

#endif
