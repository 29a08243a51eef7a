/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "icd.h"

/*
 * Calls with many binds, in any order: each block of the resource has the memory that the call
 * names. On a driver with sparse resources of its own, the layer joins the binds (VMBIND_MERGE).
 *
 * Each block of the memory holds one word everywhere, so the layout of a block does not matter.
 * VMB_SEED sets the random seed.
 */

#define ROUNDS 60
#define MEMORY_BLOCKS 64

static unsigned take_seed(void)
{
	const char *given = getenv("VMB_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

	printf("VMB_SEED=%u\n", seed);
	return seed;
}

static uint32_t below(unsigned *seed, uint32_t end)
{
	return (uint32_t)rand_r(seed) % end;
}

/* The memory block of each block of a resource; -1 for none. Mostly continues the block before. */
static void take_blocks(int *blocks, uint32_t count, unsigned *seed)
{
	int memory = (int)below(seed, MEMORY_BLOCKS);
	bool bound = true;

	for (uint32_t i = 0; i < count; i++) {
		if (below(seed, 12) == 0) {
			memory = (int)below(seed, MEMORY_BLOCKS);
			bound = below(seed, 4) != 0;
		}
		blocks[i] = bound ? memory : -1;
		memory = (memory + 1) % MEMORY_BLOCKS;
	}
}

/* A random order of the numbers below count. */
static void take_order(uint32_t *order, uint32_t count, unsigned *seed)
{
	bool shuffled = below(seed, 2);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t j = shuffled ? below(seed, i + 1) : i;
		order[i] = order[j];
		order[j] = i;
	}
}

static VkDeviceMemory stamped_memory(
	const struct vku *vk, const VkMemoryRequirements *requirements, uint32_t **map)
{
	VkDeviceSize words = requirements->alignment / 4;
	VkDeviceMemory memory = vku_allocate(
		vk, MEMORY_BLOCKS * requirements->alignment, requirements->memoryTypeBits);

	*map = vku_map(vk, memory);
	for (VkDeviceSize i = 0; i < MEMORY_BLOCKS * words; i++) {
		(*map)[i] = icd_stamp((uint32_t)(i / words));
	}
	return memory;
}

#define BUFFER_BLOCKS 96

static void buffer_blocks(void **state)
{
	struct vku *vk = *state;
	unsigned seed = take_seed();
	struct icd_pages p;
	uint32_t *map;

	icd_pages_init(vk, &p, BUFFER_BLOCKS, 1);
	const VkMemoryRequirements requirements = vku_buffer_requirements(vk, p.buffer);
	VkDeviceMemory memory = stamped_memory(vk, &requirements, &map);
	for (int round = 0; round < ROUNDS; round++) {
		VkSparseMemoryBind binds[BUFFER_BLOCKS];
		uint32_t order[BUFFER_BLOCKS];
		int blocks[BUFFER_BLOCKS];

		take_blocks(blocks, BUFFER_BLOCKS, &seed);
		take_order(order, BUFFER_BLOCKS, &seed);
		for (uint32_t i = 0; i < BUFFER_BLOCKS; i++) {
			bool bound = blocks[order[i]] >= 0;
			binds[i] = (VkSparseMemoryBind){
				.resourceOffset = order[i] * p.page,
				.size = p.page,
				.memory = bound ? memory : VK_NULL_HANDLE,
				.memoryOffset = bound ? (VkDeviceSize)blocks[order[i]] * p.page : 0,
			};
		}
		vku_bind_buffer(vk, p.buffer, binds, BUFFER_BLOCKS);
		for (uint32_t i = 0; i < BUFFER_BLOCKS; i++) {
			if (blocks[i] >= 0) {
				icd_expect_page(vk, &p, i, icd_stamp((uint32_t)blocks[i]));
			}
		}
	}
	icd_pages_finish(vk, &p);
	vkFreeMemory(vk->device, memory, NULL);
}

/* An image of blocks, also partial ones at the edges. */
struct image {
	const struct vku *vk;
	VkImage handle;
	VkExtent3D extent;
	VkExtent3D block; /* texels */
	uint32_t columns;
	uint32_t rows;
	uint32_t slices;
	VkMemoryRequirements requirements;
	struct vku_buffer readback;
};

#define MAX_IMAGE_BLOCKS 256

static void image_init(const struct vku *vk, struct image *image, const VkExtent3D *extent)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT | VK_IMAGE_CREATE_SPARSE_RESIDENCY_BIT |
			VK_IMAGE_CREATE_SPARSE_ALIASED_BIT,
		.imageType = extent->depth > 1 ? VK_IMAGE_TYPE_3D : VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = *extent,
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
	};
	VkSparseImageMemoryRequirements sparse;
	uint32_t count = 1;

	*image = (struct image){ .vk = vk, .extent = info.extent };
	VKU_CHECK(vkCreateImage(vk->device, &info, NULL, &image->handle));
	vkGetImageMemoryRequirements(vk->device, image->handle, &image->requirements);
	vkGetImageSparseMemoryRequirements(vk->device, image->handle, &count, &sparse);
	image->block = sparse.formatProperties.imageGranularity;
	image->columns = (info.extent.width - 1) / image->block.width + 1;
	image->rows = (info.extent.height - 1) / image->block.height + 1;
	image->slices = (info.extent.depth - 1) / image->block.depth + 1;
	vku_buffer_init(vk, &image->readback,
		(VkDeviceSize)extent->width * extent->height * extent->depth * 4);
}

static void record_layout(VkCommandBuffer commands, const struct image *image)
{
	const VkImageMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
		.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT,
		.oldLayout = VK_IMAGE_LAYOUT_UNDEFINED,
		.newLayout = VK_IMAGE_LAYOUT_GENERAL,
		.srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.image = image->handle,
		.subresourceRange = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 },
	};

	vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT,
		VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0, NULL, 0, NULL, 1, &barrier);
}

static void prepare_layout(const struct image *image)
{
	VkCommandBuffer commands = vku_begin(image->vk);

	record_layout(commands, image);
	vku_submit(image->vk, commands);
}

static void read_image(const struct image *image)
{
	const VkBufferImageCopy region = {
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
		.imageExtent = image->extent,
	};
	VkCommandBuffer commands = vku_begin(image->vk);

	vkCmdCopyImageToBuffer(commands, image->handle, VK_IMAGE_LAYOUT_GENERAL,
		image->readback.buffer, 1, &region);
	vku_barrier(commands);
	vku_submit(image->vk, commands);
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static VkSparseImageMemoryBind block_bind(
	const struct image *image, uint32_t index, VkDeviceMemory memory, int memory_block)
{
	uint32_t x = index % image->columns * image->block.width;
	uint32_t y = index / image->columns % image->rows * image->block.height;
	uint32_t z = index / image->columns / image->rows * image->block.depth;

	return (VkSparseImageMemoryBind){
		.subresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0 },
		.offset = { (int32_t)x, (int32_t)y, (int32_t)z },
		.extent = { least(image->extent.width - x, image->block.width),
			least(image->extent.height - y, image->block.height),
			least(image->extent.depth - z, image->block.depth) },
		.memory = memory_block >= 0 ? memory : VK_NULL_HANDLE,
		.memoryOffset = memory_block >= 0
			? (VkDeviceSize)memory_block * image->requirements.alignment
			: 0,
	};
}

static void bind_blocks(
	const struct image *image, VkDeviceMemory memory, const int *blocks, unsigned *seed)
{
	VkSparseImageMemoryBind binds[MAX_IMAGE_BLOCKS];
	uint32_t order[MAX_IMAGE_BLOCKS];
	uint32_t count = image->columns * image->rows * image->slices;

	take_order(order, count, seed);
	for (uint32_t i = 0; i < count; i++) {
		binds[i] = block_bind(image, order[i], memory, blocks[order[i]]);
	}
	const VkSparseImageMemoryBindInfo image_binds = { image->handle, count, binds };
	const VkBindSparseInfo info = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.imageBindCount = 1,
		.pImageBinds = &image_binds,
	};
	VkFence fence = vku_create_fence(image->vk);

	vku_queue_bind(image->vk, &info, fence);
	VKU_CHECK(vkWaitForFences(image->vk->device, 1, &fence, VK_TRUE, UINT64_MAX));
	vkDestroyFence(image->vk->device, fence, NULL);
}

static void expect_blocks(const struct image *image, const int *blocks)
{
	const VkExtent3D *extent = &image->extent;
	const uint32_t *words = image->readback.map;

	read_image(image);
	for (uint32_t i = 0; i < extent->width * extent->height * extent->depth; i++) {
		uint32_t x = i % extent->width / image->block.width;
		uint32_t y = i / extent->width % extent->height / image->block.height;
		uint32_t z = i / extent->width / extent->height / image->block.depth;
		int block = blocks[(z * image->rows + y) * image->columns + x];
		if (block >= 0 && words[i] != icd_stamp((uint32_t)block)) {
			EXPECT_EQ(words[i], icd_stamp((uint32_t)block));
		}
	}
}

static void bind_images(struct vku *vk, const VkExtent3D *extent)
{
	int blocks[MAX_IMAGE_BLOCKS];
	unsigned seed = take_seed();
	struct image image;
	uint32_t *map;

	image_init(vk, &image, extent);
	VkDeviceMemory memory = stamped_memory(vk, &image.requirements, &map);
	uint32_t count = image.columns * image.rows * image.slices;
	EXPECT(count <= MAX_IMAGE_BLOCKS);
	prepare_layout(&image);
	for (int round = 0; round < ROUNDS; round++) {
		if (round % 3 == 0) {
			/* One run of memory over the whole image, which joins to one bind. */
			for (uint32_t i = 0; i < count; i++) {
				blocks[i] = (int)(i % MEMORY_BLOCKS);
			}
		} else {
			take_blocks(blocks, count, &seed);
		}
		bind_blocks(&image, memory, blocks, &seed);
		expect_blocks(&image, blocks);
	}
	vku_buffer_finish(vk, &image.readback);
	vkDestroyImage(vk->device, image.handle, NULL);
	vkFreeMemory(vk->device, memory, NULL);
}

static void image_blocks(void **state)
{
	static const VkExtent3D extent = { 1000, 700, 1 };
	VkPhysicalDeviceFeatures features;
	struct vku *vk = *state;

	vkGetPhysicalDeviceFeatures(vk->physical, &features);
	if (!features.sparseResidencyImage2D) {
		skip();
	}
	bind_images(vk, &extent);
}

static void volume_blocks(void **state)
{
	static const VkExtent3D extent = { 150, 110, 50 };
	VkPhysicalDeviceFeatures features;
	struct vku *vk = *state;

	vkGetPhysicalDeviceFeatures(vk->physical, &features);
	if (!features.sparseResidencyImage3D) {
		skip();
	}
	bind_images(vk, &extent);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENARIO(buffer_blocks),
		SCENARIO(image_blocks),
		SCENARIO(volume_blocks),
	};

	return ICD_RUN(tests, argc, argv);
}
