/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_DEVICE_CREATE_INFO_H
#define VMB_PROVIDE_DEVICE_CREATE_INFO_H

#include <stdbool.h>

#include "vk/chain.h"
#include "vk/device.h"

/*
 * What the driver gets in place of the application's VkDeviceCreateInfo: no sparse feature, but the
 * extensions and features that the layer itself uses.
 */
struct vmb_device_create_info {
	VkDeviceCreateInfo info;
	/* bufferDeviceAddress is among the features. */
	bool has_addresses;
	/* Which of the backend's extensions the layer enables and the application does not: a bit
	 * for each. */
	uint32_t added_extensions;
	/* Private: what info points to. */
	struct vmb_chain chain;
	VkPhysicalDeviceFeatures features;
	VkPhysicalDeviceTimelineSemaphoreFeatures timeline;
	const char **extensions;
};

/*
 * VK_ERROR_FEATURE_NOT_PRESENT for a sparse feature that the layer does not report. On failure
 * there is nothing to finish. Borrows the application's structures.
 */
VkResult vmb_device_create_info_init(struct vmb_device_create_info *rewritten,
	const struct vmb_physical_device *physical, const VkDeviceCreateInfo *info);
/* info is not valid afterwards; what is known of it stays. Accepts a zeroed object. */
void vmb_device_create_info_finish(struct vmb_device_create_info *rewritten);

/* Hides the commands of the extensions that only the layer enabled from the application. */
void vmb_device_create_info_hide(
	const struct vmb_device_create_info *rewritten, struct vmb_device *device);

#endif
