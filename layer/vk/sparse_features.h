/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_SPARSE_FEATURES_H
#define VMB_VK_SPARSE_FEATURES_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

/* The sparse features of VkPhysicalDeviceFeatures: sparseBinding, sparseResidency*,
 * shaderResourceResidency. Pure. */

/* Whether a sparse feature is set. */
bool vmb_features_want_sparse(const VkPhysicalDeviceFeatures *features);
/* Clears all sparse features. */
void vmb_features_hide_sparse(VkPhysicalDeviceFeatures *features);

/* The VkPhysicalDeviceFeatures of a create info, borrowed. NULL if the create info has none. */
const VkPhysicalDeviceFeatures *vmb_core_features(const VkDeviceCreateInfo *info);
/* Whether the application enables a sparse feature. */
bool vmb_wants_sparse(const VkDeviceCreateInfo *info);

#endif
