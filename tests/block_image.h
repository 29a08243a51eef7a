/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_BLOCK_IMAGE_H
#define VMB_TESTS_BLOCK_IMAGE_H

#include "vk/commands.h"

/* The requirements of all images of a device without a driver: blocks of 128 x 128 texels and
 * BLOCK_IMAGE_BYTES bytes. */

#define BLOCK_IMAGE_BYTES 65536

static inline VKAPI_ATTR void VKAPI_CALL block_image_sparse_requirements(VkDevice device,
	VkImage image, uint32_t *count, VkSparseImageMemoryRequirements *requirements)
{
	(void)device;
	(void)image;
	*count = 1;
	*requirements = (VkSparseImageMemoryRequirements){
		.formatProperties = { VK_IMAGE_ASPECT_COLOR_BIT, { 128, 128, 1 }, 0 },
	};
}

static inline VKAPI_ATTR void VKAPI_CALL block_image_requirements(
	VkDevice device, VkImage image, VkMemoryRequirements *requirements)
{
	(void)device;
	(void)image;
	*requirements = (VkMemoryRequirements){ .alignment = BLOCK_IMAGE_BYTES };
}

static const struct vmb_device_commands block_image_commands = {
	.GetImageSparseMemoryRequirements = block_image_sparse_requirements,
	.GetImageMemoryRequirements = block_image_requirements,
};

#endif
