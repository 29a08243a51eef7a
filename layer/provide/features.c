/* SPDX-License-Identifier: MIT */
#include "provide/features.h"

#include <stddef.h>

enum provided {
	NO,
	YES,
};

/* All sparse features of VkPhysicalDeviceFeatures. Residency of images needs the driver to know of
 * tiles, and the residency codes that shaders read need it to know what is bound. */
static const struct {
	size_t offset;
	enum provided provided;
} sparse_features[] = {
	{ offsetof(VkPhysicalDeviceFeatures, sparseBinding), YES },
	{ offsetof(VkPhysicalDeviceFeatures, sparseResidencyBuffer), YES },
	{ offsetof(VkPhysicalDeviceFeatures, sparseResidencyAliased), YES },
	{ offsetof(VkPhysicalDeviceFeatures, sparseResidencyImage2D), NO },
	{ offsetof(VkPhysicalDeviceFeatures, sparseResidencyImage3D), NO },
	{ offsetof(VkPhysicalDeviceFeatures, sparseResidency2Samples), NO },
	{ offsetof(VkPhysicalDeviceFeatures, sparseResidency4Samples), NO },
	{ offsetof(VkPhysicalDeviceFeatures, sparseResidency8Samples), NO },
	{ offsetof(VkPhysicalDeviceFeatures, sparseResidency16Samples), NO },
	{ offsetof(VkPhysicalDeviceFeatures, shaderResourceResidency), NO },
};
#define SPARSE_FEATURES (sizeof(sparse_features) / sizeof(sparse_features[0]))

static VkBool32 *feature(VkPhysicalDeviceFeatures *features, size_t index)
{
	return (VkBool32 *)((char *)features + sparse_features[index].offset);
}

static VkBool32 wanted(const VkPhysicalDeviceFeatures *features, size_t index)
{
	return *(const VkBool32 *)((const char *)features + sparse_features[index].offset);
}

void vmb_features_provide(VkPhysicalDeviceFeatures *features)
{
	for (size_t i = 0; i < SPARSE_FEATURES; i++) {
		*feature(features, i) = sparse_features[i].provided == YES ? VK_TRUE : VK_FALSE;
	}
}

bool vmb_features_want_sparse(const VkPhysicalDeviceFeatures *features)
{
	for (size_t i = 0; i < SPARSE_FEATURES; i++) {
		if (wanted(features, i)) {
			return true;
		}
	}
	return false;
}

bool vmb_features_exceed_provide(const VkPhysicalDeviceFeatures *features)
{
	for (size_t i = 0; i < SPARSE_FEATURES; i++) {
		if (wanted(features, i) && sparse_features[i].provided == NO) {
			return true;
		}
	}
	return false;
}

void vmb_features_hide_sparse(VkPhysicalDeviceFeatures *features)
{
	for (size_t i = 0; i < SPARSE_FEATURES; i++) {
		*feature(features, i) = VK_FALSE;
	}
}

void vmb_properties_provide(
	const struct vmb_physical_device *physical, VkPhysicalDeviceProperties *properties)
{
	properties->limits.sparseAddressSpaceSize = physical->address_space;
	properties->sparseProperties = (VkPhysicalDeviceSparseProperties){ 0 };
}
