/* SPDX-License-Identifier: MIT */
#ifndef VMB_ROUTE_PROVIDED_FEATURES_H
#define VMB_ROUTE_PROVIDED_FEATURES_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "vk/physical_device.h"

/* The features and properties of a physical device on the provide route. Pure functions over the
 * driver's result, shared by all variants of a query. */

/* Replaces the driver's sparse features by the layer's. */
void vmb_features_provide(
	const struct vmb_physical_device *physical, VkPhysicalDeviceFeatures *features);
/* Replaces the driver's sparse limits and properties by the layer's. */
void vmb_properties_provide(
	const struct vmb_physical_device *physical, VkPhysicalDeviceProperties *properties);

/* Whether a sparse feature is set that the layer does not report. */
bool vmb_features_exceed_provide(
	const struct vmb_physical_device *physical, const VkPhysicalDeviceFeatures *features);

#endif
