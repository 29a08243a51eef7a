/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "check.h"
#include "image_private.h"

static VkBufferImageCopy whole_level(const struct image *image, uint32_t level)
{
	const VkExtent3D *extent = &image->info.extent;

	return (VkBufferImageCopy){
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, level, 0,
			image->info.arrayLayers },
		.imageExtent = { image_level_size(extent->width, level),
			image_level_size(extent->height, level),
			image_level_size(extent->depth, level) },
	};
}

static void read_level(struct image *image, uint32_t level)
{
	const VkBufferImageCopy region = whole_level(image, level);
	VkCommandBuffer commands = vku_begin(&image->gpu->vk);

	vkCmdCopyImageToBuffer(commands, image->handle, VK_IMAGE_LAYOUT_GENERAL,
		image->staging.buffer, 1, &region);
	gpu_submit(image->gpu, commands);
}

static void write_level(struct image *image, uint32_t level)
{
	const VkBufferImageCopy region = whole_level(image, level);
	VkCommandBuffer commands = vku_begin(&image->gpu->vk);

	vkCmdCopyBufferToImage(commands, image->staging.buffer, image->handle,
		VK_IMAGE_LAYOUT_GENERAL, 1, &region);
	gpu_submit(image->gpu, commands);
}

/* The block of the texel that has this index in a copy of the level. */
static uint32_t block_of(const struct image *image, const struct image_level *level, uint32_t texel)
{
	uint32_t x = texel % level->extent.width;
	uint32_t y = texel / level->extent.width % level->extent.height;
	uint32_t slice = texel / level->extent.width / level->extent.height;
	uint32_t z = slice % level->extent.depth;
	uint32_t layer = slice / level->extent.depth;

	return level->first_block +
		((layer * level->slices + z / image->block.depth) * level->rows +
			y / image->block.height) *
		level->columns +
		x / image->block.width;
}

static void describe_block(const struct image_level *level, uint32_t block, char *text, size_t size)
{
	uint32_t i = block - level->first_block;
	uint32_t x = i % level->columns;
	uint32_t y = i / level->columns % level->rows;
	uint32_t z = i / level->columns / level->rows % level->slices;
	uint32_t layer = i / level->columns / level->rows / level->slices;

	snprintf(text, size, "block %u,%u,%u of layer %u", x, y, z, layer);
}

static void expect_level(struct image *image, uint32_t index)
{
	const struct image_level *level = &image->levels[index];
	const uint32_t *words = image->staging.map;
	uint32_t count = (uint32_t)(image_level_bytes(image, index) / 4);

	read_level(image, index);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t block = block_of(image, level, i);
		int page = image->bound[block];
		if (page >= 0 && words[i] != image->stamps[page]) {
			char name[64];
			describe_block(level, block, name, sizeof(name));
			check_fail("level %u, %s has 0x%08x, not the 0x%08x of memory page %d",
				index, name, words[i], image->stamps[page], page);
		}
	}
}

/* Gives each bound block of a level a new stamp, through the image. */
static void restamp_level(struct image *image, uint32_t index)
{
	const struct image_level *level = &image->levels[index];
	uint32_t count = (uint32_t)(image_level_bytes(image, index) / 4);
	uint32_t *words = image->staging.map;

	for (uint32_t i = 0; i < count; i++) {
		int page = image->bound[block_of(image, level, i)];
		words[i] = page < 0 ? 0xdeadbeef : image_stamp((uint32_t)page, 1);
	}
	write_level(image, index);
}

/* A page that a partial block covers keeps the old stamp beside the texels. */
static void expect_pool(struct image *image)
{
	const struct pool *pool = &image->pool;
	uint32_t page_words = (uint32_t)(pool->page / 4);
	const uint32_t *words = image->staging.map;
	bool is_bound[IMAGE_BLOCKS_MAX * 2] = { false };

	for (uint32_t i = 0; i < image->block_count; i++) {
		if (image->bound[i] >= 0) {
			is_bound[image->bound[i]] = true;
		}
	}
	vku_copy(
		&image->gpu->vk, pool->view, 0, image->staging.buffer, 0, pool->pages * pool->page);
	for (uint32_t i = 0; i < pool->pages * page_words; i++) {
		uint32_t page = i / page_words;
		bool is_old = words[i] == image->stamps[page];
		bool is_new = is_bound[page] && words[i] == image_stamp(page, 1);
		if (!is_old && !is_new) {
			check_fail("memory page %u, which %s, has 0x%08x", page,
				is_bound[page] ? "is bound" : "no block is bound to", words[i]);
		}
	}
}

static bool tail_has(const struct image *image, uint32_t word)
{
	for (uint32_t layer = 0; layer < image_tail_count(image); layer++) {
		for (uint32_t i = 0; image->tail[layer] >= 0 && i < image->tail_pages; i++) {
			if (word == image->stamps[image->tail[layer] + (int)i]) {
				return true;
			}
		}
	}
	return false;
}

static bool is_tail_bound(const struct image *image)
{
	for (uint32_t layer = 0; layer < image_tail_count(image); layer++) {
		if (image->tail[layer] < 0) {
			return false;
		}
	}
	return image_has_tail(image);
}

/* The tail has the words of its memory. Then all its levels get a pattern at once, which they keep,
 * and the memory gets its words again. */
static void verify_tail(struct image *image)
{
	uint32_t *words = image->staging.map;

	for (uint32_t i = image->level_count; i < image->info.mipLevels; i++) {
		read_level(image, i);
		for (uint32_t j = 0; j < image_level_bytes(image, i) / 4; j++) {
			if (!tail_has(image, words[j])) {
				check_fail("level %u, in the mip tail, has 0x%08x, which is not in "
					   "the tail's memory",
					i, words[j]);
			}
		}
	}
	for (uint32_t i = image->level_count; i < image->info.mipLevels; i++) {
		for (uint32_t j = 0; j < image_level_bytes(image, i) / 4; j++) {
			words[j] = gpu_pattern(j, i);
		}
		write_level(image, i);
	}
	for (uint32_t i = image->level_count; i < image->info.mipLevels; i++) {
		read_level(image, i);
		for (uint32_t j = 0; j < image_level_bytes(image, i) / 4; j++) {
			if (words[j] != gpu_pattern(j, i)) {
				check_fail("level %u, in the mip tail, has 0x%08x, not the 0x%08x "
					   "written there",
					i, words[j], gpu_pattern(j, i));
			}
		}
	}
}

void image_verify(struct image *image)
{
	for (uint32_t i = 0; i < image->level_count; i++) {
		expect_level(image, i);
	}
	for (uint32_t i = 0; i < image->level_count; i++) {
		restamp_level(image, i);
	}
	expect_pool(image);
	for (uint32_t i = 0; i < image->block_count; i++) {
		if (image->bound[i] >= 0) {
			image->stamps[image->bound[i]] = image_stamp((uint32_t)image->bound[i], 1);
		}
	}
	for (uint32_t i = 0; i < image->level_count; i++) {
		expect_level(image, i);
	}
	if (is_tail_bound(image)) {
		verify_tail(image);
	}
	/* Also where a partial block left the old stamp. */
	image_fill_pool(image);
}
