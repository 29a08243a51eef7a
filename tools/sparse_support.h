/* SPDX-License-Identifier: MIT */
#ifndef VMB_SPARSE_SUPPORT_H
#define VMB_SPARSE_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <vulkan/vulkan.h>

/* The sparse features of VkPhysicalDeviceFeatures, by index. */
struct vmb_sparse_feature {
	const char *name; /* in Vulkan */
	const char *words; /* for people */
};

#define VMB_SPARSE_FEATURES 10

extern const struct vmb_sparse_feature vmb_sparse_features[VMB_SPARSE_FEATURES];
bool vmb_sparse_feature_has(const VkPhysicalDeviceFeatures *features, size_t index);

#endif
