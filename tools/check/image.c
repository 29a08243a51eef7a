/* SPDX-License-Identifier: MIT */
#include "image_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

static uint32_t divide_up(uint32_t a, uint32_t b)
{
	return (a + b - 1) / b;
}

/* The block size of the device for such images. */
static VkExtent3D block_size(const struct gpu *gpu, const VkImageCreateInfo *info)
{
	VkSparseImageFormatProperties properties[4];
	uint32_t count = 4;

	vkGetPhysicalDeviceSparseImageFormatProperties(gpu->vk.physical, info->format,
		info->imageType, info->samples, info->usage, info->tiling, &count, properties);
	if (count == 0) {
		check_skip("the device has no sparse blocks for RGBA8 images of this type");
	}
	return properties[0].imageGranularity;
}

static uint32_t texels(uint32_t blocks, uint32_t block, bool is_partial)
{
	return blocks * block - (is_partial ? block / 3 : 0);
}

static uint32_t chain_length(const VkExtent3D *extent)
{
	uint32_t size = extent->width | extent->height | extent->depth;
	uint32_t levels = 0;

	for (; size; size >>= 1) {
		levels++;
	}
	return levels;
}

static void create(struct image *image, const struct image_shape *shape)
{
	struct gpu *gpu = image->gpu;
	bool is_3d = shape->type == VK_IMAGE_TYPE_3D;
	VkImageFormatProperties limits;

	if (!(is_3d ? gpu->features.sparseResidencyImage3D
		    : gpu->features.sparseResidencyImage2D)) {
		check_skip("the device does not report sparseResidencyImage%dD", is_3d ? 3 : 2);
	}
	image->info = (VkImageCreateInfo){
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT | VK_IMAGE_CREATE_SPARSE_RESIDENCY_BIT |
			(gpu->features.sparseResidencyAliased ? VK_IMAGE_CREATE_SPARSE_ALIASED_BIT
							      : 0),
		.imageType = shape->type,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.arrayLayers = shape->layers,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.tiling = VK_IMAGE_TILING_OPTIMAL,
		.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	VkExtent3D block = block_size(gpu, &image->info);
	VkExtent3D *extent = &image->info.extent;
	extent->width = texels(shape->columns, block.width, shape->partial_edges);
	extent->height = texels(shape->rows, block.height, shape->partial_edges);
	extent->depth = is_3d ? texels(shape->slices, block.depth, shape->partial_edges) : 1;
	image->info.mipLevels = shape->levels ? shape->levels : chain_length(extent);
	VkResult result = vkGetPhysicalDeviceImageFormatProperties(gpu->vk.physical,
		image->info.format, shape->type, image->info.tiling, image->info.usage,
		image->info.flags, &limits);
	if (result != VK_SUCCESS || limits.maxMipLevels < image->info.mipLevels ||
		limits.maxArrayLayers < shape->layers) {
		check_skip("the device does not support such an image");
	}
	VKU_CHECK(vkCreateImage(gpu->vk.device, &image->info, NULL, &image->handle));
}

static void query(struct image *image)
{
	const VkDevice device = image->gpu->vk.device;
	VkSparseImageMemoryRequirements all[4];
	uint32_t count = 4;
	bool found = false;

	vkGetImageMemoryRequirements(device, image->handle, &image->requirements);
	vkGetImageSparseMemoryRequirements(device, image->handle, &count, all);
	for (uint32_t i = 0; i < count; i++) {
		VkImageAspectFlags aspect = all[i].formatProperties.aspectMask;
		if (aspect & VK_IMAGE_ASPECT_METADATA_BIT) {
			check_skip("vmbind-check does not bind the metadata of images");
		}
		if (aspect & VK_IMAGE_ASPECT_COLOR_BIT) {
			image->sparse = all[i];
			found = true;
		}
	}
	if (!found) {
		check_fail("vkGetImageSparseMemoryRequirements has no entry for the color aspect");
	}
	image->block = image->sparse.formatProperties.imageGranularity;
}

static void list_levels(struct image *image)
{
	const VkImageCreateInfo *info = &image->info;

	image->level_count = image_least(info->mipLevels, image->sparse.imageMipTailFirstLod);
	for (uint32_t i = 0; i < image->level_count; i++) {
		struct image_level *level = &image->levels[i];
		level->extent = (VkExtent3D){ image_level_size(info->extent.width, i),
			image_level_size(info->extent.height, i),
			image_level_size(info->extent.depth, i) };
		level->columns = divide_up(level->extent.width, image->block.width);
		level->rows = divide_up(level->extent.height, image->block.height);
		level->slices = divide_up(level->extent.depth, image->block.depth);
		level->first_block = image->block_count;
		image->block_count += level->columns * level->rows * level->slices *
			info->arrayLayers;
	}
	if (image->level_count > IMAGE_LEVELS_MAX || image->block_count > IMAGE_BLOCKS_MAX) {
		check_skip("the blocks of this device are too small for this check");
	}
	for (uint32_t i = 0; i < image->block_count; i++) {
		image->bound[i] = -1;
	}
}

static bool has_single_tail(const struct image *image)
{
	return image->sparse.formatProperties.flags & VK_SPARSE_IMAGE_FORMAT_SINGLE_MIPTAIL_BIT;
}

bool image_has_tail(const struct image *image)
{
	return image->level_count < image->info.mipLevels;
}

VkDeviceSize image_level_bytes(const struct image *image, uint32_t level)
{
	const VkExtent3D *extent = &image->info.extent;

	return (VkDeviceSize)4 * image_level_size(extent->width, level) *
		image_level_size(extent->height, level) * image_level_size(extent->depth, level) *
		image->info.arrayLayers;
}

void image_fill_pool(struct image *image)
{
	VkCommandBuffer commands = vku_begin(&image->gpu->vk);
	const struct pool *pool = &image->pool;

	for (uint32_t i = 0; i < pool->pages; i++) {
		image->stamps[i] = image_stamp(i, 0);
		vkCmdFillBuffer(commands, pool->view, i * pool->page, pool->page, image->stamps[i]);
	}
	gpu_submit(image->gpu, commands);
}

uint32_t image_tail_count(const struct image *image)
{
	return has_single_tail(image) ? 1 : image->info.arrayLayers;
}

void image_init(struct gpu *gpu, struct image *image, const struct image_shape *shape)
{
	*image = (struct image){ .gpu = gpu };
	create(image, shape);
	query(image);
	list_levels(image);
	VkDeviceSize page = image->requirements.alignment;
	if (image_has_tail(image)) {
		image->tail_pages = (uint32_t)(image->sparse.imageMipTailSize / page);
	}
	uint32_t pages = image->block_count + 2 * image_tail_count(image) * image->tail_pages + 16;
	if (pages > IMAGE_BLOCKS_MAX * 2) {
		check_skip("the mip tail of this device is too large for this check");
	}
	pool_init(gpu, &image->pool, &image->requirements, pages);
	VkDeviceSize size = pages * page;
	if (image_level_bytes(image, 0) > size) {
		size = image_level_bytes(image, 0);
	}
	vku_buffer_init(&gpu->vk, &image->staging, size);
	memset(image->tail, 0xff, sizeof(image->tail));
	image_fill_pool(image);
	gpu_prepare_layout(gpu, image->handle);
}

void image_finish(struct image *image)
{
	struct gpu *gpu = image->gpu;

	VKU_CHECK(vkDeviceWaitIdle(gpu->vk.device));
	vku_buffer_finish(&gpu->vk, &image->staging);
	vkDestroyImage(gpu->vk.device, image->handle, NULL);
	pool_finish(gpu, &image->pool);
}
