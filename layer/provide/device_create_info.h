/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_DEVICE_CREATE_INFO_H
#define VMB_PROVIDE_DEVICE_CREATE_INFO_H

#include <stdbool.h>

#include "vk/chain.h"
#include "vk/physical_device.h"

/*
 * What the driver is asked for in place of the application's VkDeviceCreateInfo: its own words on
 * the assist route. When the layer provides sparse resources, no sparse features, but what the layer
 * itself works with.
 */
struct vmb_device_info {
	VkDeviceCreateInfo info;
	/* The application enables a sparse feature; if not, its own VkDeviceCreateInfo will do. */
	bool wants_sparse;
	/* bufferDeviceAddress is among the features. */
	bool has_addresses;
	/* Extensions with functions that the layer enabled, not the application. */
	bool added_host_import;
	bool added_timeline;
	bool added_semaphore_fd;
	/* Private: what info points to. */
	struct vmb_chain chain;
	VkPhysicalDeviceFeatures features;
	VkPhysicalDeviceTimelineSemaphoreFeatures timeline;
	const char **extensions;
};

/*
 * VK_ERROR_FEATURE_NOT_PRESENT for a sparse feature that the layer does not report. On failure
 * there is nothing to finish. The application's structures have to stay while this is used.
 */
VkResult vmb_device_info_init(struct vmb_device_info *rewritten,
	const struct vmb_physical_device *physical, const VkDeviceCreateInfo *info);
/* info is not to be used any more; what is known of it stays. */
void vmb_device_info_finish(struct vmb_device_info *rewritten);

#endif
