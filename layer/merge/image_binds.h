/* SPDX-License-Identifier: MIT */
#ifndef VMB_MERGE_IMAGE_BINDS_H
#define VMB_MERGE_IMAGE_BINDS_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "plan/sort.h"

/* The sparse blocks of an image. */
struct vmb_merge_blocks {
	const VkSparseImageMemoryRequirements *aspects;
	uint32_t aspect_count;
	VkDeviceSize bytes; /* of a block: the alignment of the image */
	/* A bind of several blocks takes its memory in the order x, then y, then z. The
	 * specification does not define the order. */
	bool in_order;
};

/*
 * Joins blocks of one subresource to rows, rows to rectangles, and rectangles to boxes. Blocks
 * without memory always join. Blocks with memory join if in_order is set and their memory is
 * continuous. The binds may come in any order. The result is small but not always the smallest:
 * rows come first.
 *
 * out has room for count binds, keys for twice as many keys. count is not 0. Returns the
 * number of binds in out; count if nothing joins, and out then means nothing. Returns 0 if binds
 * overlap, or if the layer does not understand them.
 */
uint32_t vmb_merge_image_binds(const struct vmb_merge_blocks *blocks,
	const VkSparseImageMemoryBind *binds, uint32_t count, struct vmb_sort_key *keys,
	VkSparseImageMemoryBind *out);

#endif
