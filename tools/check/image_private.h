/* SPDX-License-Identifier: MIT */
#ifndef VMB_CHECK_IMAGE_PRIVATE_H
#define VMB_CHECK_IMAGE_PRIVATE_H

#include "image.h"

/* What image.c, image_verify.c and image_script.c share. */

static inline uint32_t image_least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The size of a level, from the size of level 0. */
static inline uint32_t image_level_size(uint32_t size, uint32_t level)
{
	return size >> level ? size >> level : 1;
}

/* All words of a page of the pool are its stamp, which no other page has. Generation 0 comes from
 * image_fill_pool(), 1 from writes to the image. */
static inline uint32_t image_stamp(uint32_t page, uint32_t generation)
{
	return gpu_pattern(page + 1, generation << 20);
}

/* The size of all layers of a level in a buffer. */
VkDeviceSize image_level_bytes(const struct image *image, uint32_t level);
bool image_has_tail(const struct image *image);
/* 1, or one for each layer. */
uint32_t image_tail_count(const struct image *image);
/* Gives each page of the pool its stamp. */
void image_fill_pool(struct image *image);

/* Compares the image with the model, then writes all bound blocks and compares again. Leaves the
 * stamps of image_fill_pool(). */
void image_verify(struct image *image);

#endif
