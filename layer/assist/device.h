/* SPDX-License-Identifier: MIT */
#ifndef VMB_ASSIST_DEVICE_H
#define VMB_ASSIST_DEVICE_H

#include "backend/panthor/batch.h"
#include "backend/panthor/translator.h"
#include "ioctl/intercept.h"
#include "vk/device.h"

/* The state of the feature on one device. */
struct vmb_assist {
	struct vmb_device *device;
	struct vmb_device_commands next;
	struct vmb_intercept *intercept; /* NULL if intercepting failed */
	struct vmb_panthor_call create_call; /* while the driver creates its device */
	/* The memory that the driver binds where the application binds VK_NULL_HANDLE. */
	VkDeviceMemory null_memory;
	struct vmb_figures figures;
};

static inline struct vmb_assist *vmb_assist_of(const void *dispatchable)
{
	return vmb_device_of(dispatchable)->features[VMB_FEATURE_ASSIST];
}

static inline struct vmb_panthor *vmb_assist_panthor(const struct vmb_assist *assist)
{
	return vmb_intercept_state(assist->intercept);
}

extern const struct vmb_device_commands vmb_assist_creation_commands;
extern const struct vmb_device_commands vmb_assist_bind_commands;

#endif
