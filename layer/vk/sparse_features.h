/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_SPARSE_FEATURES_H
#define VMB_VK_SPARSE_FEATURES_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

/* The sparse features of VkPhysicalDeviceFeatures: sparseBinding, sparseResidency*,
 * shaderResourceResidency. Pure. */

/* Whether one of them is set. */
bool vmb_features_want_sparse(const VkPhysicalDeviceFeatures *features);
/* Clears all of them. */
void vmb_features_hide_sparse(VkPhysicalDeviceFeatures *features);

/* The core features that a device is created with; NULL if the application enables none. */
const VkPhysicalDeviceFeatures *vmb_core_features(const VkDeviceCreateInfo *info);
/* Whether a device is created with a sparse feature. */
bool vmb_wants_sparse(const VkDeviceCreateInfo *info);

#endif
