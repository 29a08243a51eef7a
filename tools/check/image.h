/* SPDX-License-Identifier: MIT */
#ifndef VMB_CHECK_IMAGE_H
#define VMB_CHECK_IMAGE_H

#include "gpu.h"

/*
 * A sparse image of RGBA8 texels with residency, memory to bind, and a model of what is bound
 * where. Each page of the pool holds one word everywhere, so the layout of texels in a block does
 * not matter. Copies between the image and buffers read and write the texels.
 */

#define IMAGE_BLOCKS_MAX 512
#define IMAGE_LEVELS_MAX 16

struct image_shape {
	VkImageType type;
	/* Size of level 0 in sparse blocks. With partial edges the image is a third of a block
	 * smaller in each direction. */
	uint32_t columns, rows, slices;
	bool partial_edges;
	uint32_t levels; /* 0: a whole chain */
	uint32_t layers;
};

/* A mip level outside of the tail. Its blocks are numbered x, then y, then z, then layer. */
struct image_level {
	VkExtent3D extent; /* texels */
	uint32_t columns, rows, slices;
	uint32_t first_block; /* index into image.bound */
};

struct image {
	struct gpu *gpu;
	VkImage handle;
	VkImageCreateInfo info;
	VkExtent3D block; /* texels */
	VkMemoryRequirements requirements;
	VkSparseImageMemoryRequirements sparse;
	struct image_level levels[IMAGE_LEVELS_MAX];
	uint32_t level_count; /* outside of the tail */
	uint32_t block_count;
	struct pool pool;
	int bound[IMAGE_BLOCKS_MAX]; /* the page of the pool; -1 if unbound */
	uint32_t stamps[IMAGE_BLOCKS_MAX * 2]; /* the word of each page of the pool */
	int tail[8]; /* of each layer: its first page of the pool; -1 if unbound */
	uint32_t tail_pages; /* of one layer */
	struct vku_buffer staging; /* one level, all layers; or the pool */
};

/* Skips the check if the device does not support such an image. */
void image_init(struct gpu *gpu, struct image *image, const struct image_shape *shape);
void image_finish(struct image *image);

/*
 * Runs a script: calls of vkQueueBindSparse, separated by ';', each followed by a check of all
 * blocks. A call is a list of binds, separated by spaces:
 *
 *	X,Y=PAGE            one block; PAGE is a page of the pool, or '-' for NULL
 *	X,Y,Z+WxHxD=PAGE    one bind of W x H x D blocks, whose memory follows in the order x, y, z
 *	X,Y,Z*WxHxD=PAGE    the same with a bind for each block
 *	tail=PAGE           the mip tail
 *	all=PAGE            an opaque bind of the whole image; only '-' can be verified
 *
 * A bind concerns level 0 of layer 0, or those of a prefix: "m1:0,0=4", "m1a2:0,0=4", "a2:tail=9".
 */
void image_run(struct image *image, const char *script);

#endif
