/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_DEVICE_CREATE_INFO_H
#define VMB_PROVIDE_DEVICE_CREATE_INFO_H

#include <stdbool.h>

#include "vk/chain.h"
#include "vk/device.h"

/*
 * Replaces the application's VkDeviceCreateInfo for the driver: without sparse features, and with
 * the extensions and features that the layer uses.
 */
struct vmb_device_create_info {
	VkDeviceCreateInfo info;
	/* The application enables bufferDeviceAddress. */
	bool has_addresses;
	/* Bit i: the layer enables extension i of the backend, and the application does not. */
	uint32_t added_extensions;
	/* Private: info points to the members below. */
	struct vmb_chain chain;
	VkPhysicalDeviceFeatures features;
	VkPhysicalDeviceTimelineSemaphoreFeatures timeline;
	const char **extensions;
};

/*
 * The application must enable a sparse feature. Returns VK_ERROR_FEATURE_NOT_PRESENT for a sparse
 * feature that the layer does not report. A failed init needs no finish. Borrows the application's
 * structures.
 */
VkResult vmb_device_create_info_init(struct vmb_device_create_info *rewritten,
	const struct vmb_physical_device *physical, const VkDeviceCreateInfo *info);
/* Makes info invalid. has_addresses and added_extensions stay valid. Accepts a zeroed object. */
void vmb_device_create_info_finish(struct vmb_device_create_info *rewritten);

/* Hides the commands of the extensions that only the layer enabled from the application. */
void vmb_device_create_info_hide(
	const struct vmb_device_create_info *rewritten, struct vmb_device *device);

#endif
