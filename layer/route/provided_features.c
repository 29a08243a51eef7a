/* SPDX-License-Identifier: MIT */
#include "route/provided_features.h"

#include "backend/backend.h"
#include "vk/sparse_features.h"

/* The layer does not report sparseResidencyImage* and shaderResourceResidency. The former needs the
 * driver's sparse block layout. The latter needs a driver that knows the bound ranges. */
static void set_provided(const struct vmb_physical_device *physical,
	VkPhysicalDeviceFeatures *features, VkBool32 value)
{
	features->sparseBinding = value;
	features->sparseResidencyBuffer = value;
	if (physical->backend->aliases) {
		features->sparseResidencyAliased = value;
	}
}

void vmb_features_provide(
	const struct vmb_physical_device *physical, VkPhysicalDeviceFeatures *features)
{
	vmb_features_hide_sparse(features);
	set_provided(physical, features, VK_TRUE);
}

bool vmb_features_exceed_provide(
	const struct vmb_physical_device *physical, const VkPhysicalDeviceFeatures *features)
{
	VkPhysicalDeviceFeatures rest = *features;

	set_provided(physical, &rest, VK_FALSE);
	return vmb_features_want_sparse(&rest);
}

void vmb_properties_provide(
	const struct vmb_physical_device *physical, VkPhysicalDeviceProperties *properties)
{
	properties->limits.sparseAddressSpaceSize = physical->address_space;
	properties->sparseProperties = (VkPhysicalDeviceSparseProperties){ 0 };
}
