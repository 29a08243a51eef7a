/* SPDX-License-Identifier: MIT */
#include "vk/sparse_features.h"

#include <stddef.h>

#include "vk/chain.h"

static const size_t sparse_features[] = {
	offsetof(VkPhysicalDeviceFeatures, sparseBinding),
	offsetof(VkPhysicalDeviceFeatures, sparseResidencyBuffer),
	offsetof(VkPhysicalDeviceFeatures, sparseResidencyAliased),
	offsetof(VkPhysicalDeviceFeatures, sparseResidencyImage2D),
	offsetof(VkPhysicalDeviceFeatures, sparseResidencyImage3D),
	offsetof(VkPhysicalDeviceFeatures, sparseResidency2Samples),
	offsetof(VkPhysicalDeviceFeatures, sparseResidency4Samples),
	offsetof(VkPhysicalDeviceFeatures, sparseResidency8Samples),
	offsetof(VkPhysicalDeviceFeatures, sparseResidency16Samples),
	offsetof(VkPhysicalDeviceFeatures, shaderResourceResidency),
};
#define SPARSE_FEATURES (sizeof(sparse_features) / sizeof(sparse_features[0]))

bool vmb_features_want_sparse(const VkPhysicalDeviceFeatures *features)
{
	for (size_t i = 0; i < SPARSE_FEATURES; i++) {
		if (*(const VkBool32 *)((const char *)features + sparse_features[i])) {
			return true;
		}
	}
	return false;
}

void vmb_features_hide_sparse(VkPhysicalDeviceFeatures *features)
{
	for (size_t i = 0; i < SPARSE_FEATURES; i++) {
		*(VkBool32 *)((char *)features + sparse_features[i]) = VK_FALSE;
	}
}

/* The core features are in VkPhysicalDeviceFeatures2 in pNext, or in pEnabledFeatures. */
const VkPhysicalDeviceFeatures *vmb_core_features(const VkDeviceCreateInfo *info)
{
	const VkPhysicalDeviceFeatures2 *in_chain = vmb_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);

	return in_chain ? &in_chain->features : info->pEnabledFeatures;
}

bool vmb_wants_sparse(const VkDeviceCreateInfo *info)
{
	const VkPhysicalDeviceFeatures *features = vmb_core_features(info);

	return features && vmb_features_want_sparse(features);
}
