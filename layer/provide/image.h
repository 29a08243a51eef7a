/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_IMAGE_H
#define VMB_PROVIDE_IMAGE_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

/* Whether the layer can create a sparse image with these creation flags. Pure. */
bool vmb_image_flags_provided(VkImageCreateFlags flags);

#endif
