/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_FEATURES_H
#define VMB_PROVIDE_FEATURES_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "vk/physical_device.h"

/*
 * What an application is told of a physical device on the provide route. Pure functions over the
 * driver's answer, so that every variant of a query says the same.
 */

void vmb_features_provide(VkPhysicalDeviceFeatures *features);
void vmb_properties_provide(
	const struct vmb_physical_device *physical, VkPhysicalDeviceProperties *properties);

/* Whether a sparse feature is among those to be enabled. */
bool vmb_features_want_sparse(const VkPhysicalDeviceFeatures *features);
/* Whether a sparse feature that the provide route does not report is among them. */
bool vmb_features_exceed_provide(const VkPhysicalDeviceFeatures *features);
/* Takes the sparse features out: the driver never sees them. */
void vmb_features_hide_sparse(VkPhysicalDeviceFeatures *features);

#endif
