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
/* Clears the features in a chain of VkPhysicalDeviceFeatures2 that the provide route cannot honour.
 * docs/extensions.md lists them. */
void vmb_feature_chain_provide(const struct vmb_physical_device *physical, void *chain);
/* Replaces the driver's sparse limits and properties by the layer's. */
void vmb_properties_provide(
	const struct vmb_physical_device *physical, VkPhysicalDeviceProperties *properties);

/* Whether a sparse feature is set that the layer does not report. */
bool vmb_features_exceed_provide(
	const struct vmb_physical_device *physical, const VkPhysicalDeviceFeatures *features);
/* Whether a chain sets a feature that vmb_feature_chain_provide() clears. */
bool vmb_feature_chain_exceeds_provide(
	const struct vmb_physical_device *physical, const void *chain);

/* Whether the layer supports sparse images with this usage, of colour or stencil. */
bool vmb_image_usage_provided(const struct vmb_physical_device *physical, VkImageUsageFlags usage);

#endif
