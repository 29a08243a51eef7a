/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_SPARSE_FLAGS_H
#define VMB_PROVIDE_SPARSE_FLAGS_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

/* The creation flags of sparse resources. The layer removes them before it calls the driver. */

#define VMB_BUFFER_SPARSE_FLAGS \
	((VkBufferCreateFlags)(VK_BUFFER_CREATE_SPARSE_BINDING_BIT | \
		VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT | VK_BUFFER_CREATE_SPARSE_ALIASED_BIT))

#define VMB_IMAGE_SPARSE_FLAGS \
	((VkImageCreateFlags)(VK_IMAGE_CREATE_SPARSE_BINDING_BIT | \
		VK_IMAGE_CREATE_SPARSE_RESIDENCY_BIT | VK_IMAGE_CREATE_SPARSE_ALIASED_BIT))

/* Whether the layer can create a sparse image with these flags. Sparse residency needs the driver's
 * sparse block layout. The planes of a disjoint image have separate memory, which vkQueueBindSparse
 * cannot express. */
static inline bool vmb_image_flags_provided(VkImageCreateFlags flags)
{
	return !(flags & (VK_IMAGE_CREATE_SPARSE_RESIDENCY_BIT | VK_IMAGE_CREATE_DISJOINT_BIT));
}

#endif
