/* SPDX-License-Identifier: MIT */
#include "sparse_support.h"

const struct vmb_sparse_feature vmb_sparse_features[VMB_SPARSE_FEATURES] = {
	{ "sparseBinding", "binding" },
	{ "sparseResidencyBuffer", "buffer residency" },
	{ "sparseResidencyImage2D", "2D image residency" },
	{ "sparseResidencyImage3D", "3D image residency" },
	{ "sparseResidency2Samples", "2-sample residency" },
	{ "sparseResidency4Samples", "4-sample residency" },
	{ "sparseResidency8Samples", "8-sample residency" },
	{ "sparseResidency16Samples", "16-sample residency" },
	{ "sparseResidencyAliased", "aliasing" },
	{ "shaderResourceResidency", "residency codes in shaders" },
};

bool vmb_sparse_feature_has(const VkPhysicalDeviceFeatures *features, size_t index)
{
	const VkBool32 all[VMB_SPARSE_FEATURES] = {
		features->sparseBinding,
		features->sparseResidencyBuffer,
		features->sparseResidencyImage2D,
		features->sparseResidencyImage3D,
		features->sparseResidency2Samples,
		features->sparseResidency4Samples,
		features->sparseResidency8Samples,
		features->sparseResidency16Samples,
		features->sparseResidencyAliased,
		features->shaderResourceResidency,
	};

	return all[index];
}
