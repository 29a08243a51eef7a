/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mark.h"
#include "vk.h"

/*
 * Sparse binds as applications make them, each scenario in one vkQueueBindSparse between two marks.
 * counts.py counts what the driver makes of them. The GPU executes nothing.
 *
 *   binds [SCENARIO...]
 */

#define MAX_BLOCKS 2048

enum order {
	FORWARD,
	REVERSE,
	SHUFFLED,
	TILES, /* squares of 4 x 4 blocks */
	ONE, /* one bind for each subresource */
};

enum memory {
	RUN, /* continuous, in the order x, y, z */
	NONE,
	SLOTS, /* no two neighbours continue each other */
};

struct scenario {
	const char *name;
	enum order order;
	enum memory memory;
	/* An image; a buffer of 1,024 blocks if the width is 0. */
	VkExtent3D extent;
	VkExtent3D region; /* in blocks; all blocks if the width is 0 */
	uint32_t levels; /* that are bound, with the mip tail if there are several; 0 means 1 */
	uint32_t layers; /* 0 means 1 */
	/* Unbinds every second row of the bound image. */
	bool evicts_rows;
	/* A batch for each bind. */
	bool batches;
};

#define BUFFER_BLOCKS 1024
#define BUFFER_BLOCK UINT64_C(65536) /* a multiple of every driver's alignment */
#define SQUARE .extent = { 4096, 4096, 1 }
#define SMALL .extent = { 1024, 1024, 1 }
#define VOLUME .extent = { 256, 256, 48 }
/* The last blocks of each axis are partial. */
#define EDGES .extent = { 1000, 700, 1 }
#define VOLUME_EDGES .extent = { 200, 150, 40 }
#define REGION SQUARE, .region = { 8, 8, 1 }

/* clang-format off */
static const struct scenario scenarios[] = {
	{ "buffer-in-order", FORWARD, RUN, .levels = 0 },
	{ "buffer-reverse", REVERSE, RUN, .levels = 0 },
	{ "buffer-shuffled", SHUFFLED, RUN, .levels = 0 },
	{ "buffer-one", ONE, RUN, .levels = 0 },
	{ "buffer-null-shuffled", SHUFFLED, NONE, .levels = 0 },
	{ "buffer-null-one", ONE, NONE, .levels = 0 },
	{ "buffer-slots", FORWARD, SLOTS, .levels = 0 },
	{ "buffer-batches", FORWARD, RUN, .batches = true },
	{ "image-in-order", FORWARD, RUN, SQUARE },
	{ "image-shuffled", SHUFFLED, RUN, SQUARE },
	{ "image-one", ONE, RUN, SQUARE },
	{ "image-null", FORWARD, NONE, SQUARE },
	{ "image-null-one", ONE, NONE, SQUARE },
	{ "image-slots", SHUFFLED, SLOTS, SQUARE },
	{ "image-evict-rows", FORWARD, NONE, SQUARE, .evicts_rows = true },
	{ "region-tiles", TILES, RUN, REGION },
	{ "region-one", ONE, RUN, REGION },
	{ "mip-chain", FORWARD, RUN, SQUARE, .levels = 13 },
	{ "mip-chain-one", ONE, RUN, SQUARE, .levels = 13 },
	{ "layers", FORWARD, RUN, SMALL, .layers = 4 },
	{ "layers-one", ONE, RUN, SMALL, .layers = 4 },
	{ "edges", SHUFFLED, RUN, EDGES, .levels = 3 },
	{ "edges-one", ONE, RUN, EDGES, .levels = 3 },
	{ "volume", FORWARD, RUN, VOLUME },
	{ "volume-one", ONE, RUN, VOLUME },
	{ "volume-edges", FORWARD, RUN, VOLUME_EDGES },
	{ "volume-edges-one", ONE, RUN, VOLUME_EDGES },
	{ "volume-null", SHUFFLED, NONE, VOLUME },
	{ "volume-null-one", ONE, NONE, VOLUME },
};
/* clang-format on */

struct scene {
	const struct vku *vk;
	const struct scenario *scenario;
	VkMemoryRequirements requirements;
	VkSparseImageMemoryRequirements sparse;
	VkBuffer buffer;
	VkImage image;
	VkDeviceMemory memory;
	VkSparseMemoryBind memory_binds[MAX_BLOCKS];
	VkSparseImageMemoryBind blocks[MAX_BLOCKS];
	uint32_t memory_bind_count;
	uint32_t block_count;
	VkDeviceSize used; /* of the memory */
};

static uint32_t random_below(uint32_t end)
{
	static uint64_t state = 1;

	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(state >> 33) % end;
}

/* The places of count blocks in the call. */
static void take_order(uint32_t *order, uint32_t count, enum order kind)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t j = kind == SHUFFLED ? random_below(i + 1) : i;
		order[i] = order[j];
		order[j] = kind == REVERSE ? count - 1 - i : i;
	}
}

static VkDeviceSize memory_offset(const struct scene *scene, uint32_t index)
{
	VkDeviceSize slot = scene->scenario->memory == SLOTS ? (index * 7) % MAX_BLOCKS : index;

	return scene->used + slot * scene->requirements.alignment;
}

static void add_buffer_binds(struct scene *scene)
{
	const struct scenario *scenario = scene->scenario;
	VkDeviceSize block = scene->requirements.alignment;
	uint32_t count = scenario->order == ONE ? 1 : BUFFER_BLOCKS;
	uint32_t order[BUFFER_BLOCKS];

	take_order(order, count, scenario->order);
	for (uint32_t i = 0; i < count; i++) {
		scene->memory_binds[i] = (VkSparseMemoryBind){
			.resourceOffset = order[i] * block,
			.size = BUFFER_BLOCKS / count * block,
			.memory = scenario->memory == NONE ? VK_NULL_HANDLE : scene->memory,
			.memoryOffset = scenario->memory == NONE ? 0
								 : memory_offset(scene, order[i]),
		};
	}
	scene->memory_bind_count = count;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t blocks_of(uint32_t texels, uint32_t side)
{
	return (texels - 1) / side + 1;
}

/* The texels of a level. */
static VkExtent3D level_extent(const struct scenario *scenario, uint32_t level)
{
	const VkExtent3D *extent = &scenario->extent;

	return (VkExtent3D){
		extent->width >> level ? extent->width >> level : 1,
		extent->height >> level ? extent->height >> level : 1,
		extent->depth >> level ? extent->depth >> level : 1,
	};
}

/* Blocks [x, x + width) and so on of a subresource. */
struct box {
	uint32_t level, layer;
	uint32_t x, y, z;
	VkExtent3D size;
};

static void add_box(
	struct scene *scene, const struct box *box, VkDeviceMemory memory, VkDeviceSize offset)
{
	const VkExtent3D extent = level_extent(scene->scenario, box->level);
	const VkExtent3D block = scene->sparse.formatProperties.imageGranularity;
	const VkOffset3D at = { (int32_t)(box->x * block.width), (int32_t)(box->y * block.height),
		(int32_t)(box->z * block.depth) };

	scene->blocks[scene->block_count++] = (VkSparseImageMemoryBind){
		.subresource = { VK_IMAGE_ASPECT_COLOR_BIT, box->level, box->layer },
		.offset = at,
		.extent = { least(box->size.width * block.width, extent.width - (uint32_t)at.x),
			least(box->size.height * block.height, extent.height - (uint32_t)at.y),
			least(box->size.depth * block.depth, extent.depth - (uint32_t)at.z) },
		.memory = memory,
		.memoryOffset = memory ? offset : 0,
	};
}

/* Position i in squares of 4 x 4 blocks, as an index in rows. */
static uint32_t tile_index(uint32_t i, uint32_t width)
{
	uint32_t square = i / 16, x = square % (width / 4) * 4 + i % 4;
	uint32_t y = square / (width / 4) * 4 + i % 16 / 4;

	return y * width + x;
}

static void add_level(struct scene *scene, uint32_t level, uint32_t layer)
{
	const struct scenario *scenario = scene->scenario;
	const VkExtent3D extent = level_extent(scenario, level);
	const VkExtent3D block = scene->sparse.formatProperties.imageGranularity;
	VkDeviceMemory memory = scenario->memory == NONE ? VK_NULL_HANDLE : scene->memory;
	VkExtent3D size = scenario->region;
	uint32_t order[MAX_BLOCKS];

	if (!size.width) {
		size = (VkExtent3D){ blocks_of(extent.width, block.width),
			blocks_of(extent.height, block.height),
			blocks_of(extent.depth, block.depth) };
	}
	uint32_t count = size.width * size.height * size.depth;
	if (scenario->order == ONE) {
		const struct box all = { .level = level, .layer = layer, .size = size };
		add_box(scene, &all, memory, scene->used);
	} else {
		take_order(order, count, scenario->order);
		for (uint32_t i = 0; i < count; i++) {
			uint32_t index = scenario->order == TILES ? tile_index(i, size.width)
								  : order[i];
			const struct box one = { level, layer, index % size.width,
				index / size.width % size.height, index / size.width / size.height,
				{ 1, 1, 1 } };
			if (!scenario->evicts_rows || one.y % 2) {
				add_box(scene, &one, memory, memory_offset(scene, index));
			}
		}
	}
	scene->used += count * scene->requirements.alignment;
}

static void add_image_binds(struct scene *scene)
{
	const struct scenario *scenario = scene->scenario;
	uint32_t levels = scenario->levels ? scenario->levels : 1;
	uint32_t tail = scene->sparse.imageMipTailFirstLod;

	for (uint32_t level = 0; level < levels && level < tail; level++) {
		for (uint32_t layer = 0; layer < (scenario->layers ? scenario->layers : 1);
			layer++) {
			add_level(scene, level, layer);
		}
	}
	if (levels > 1) {
		scene->memory_binds[scene->memory_bind_count++] = (VkSparseMemoryBind){
			.resourceOffset = scene->sparse.imageMipTailOffset,
			.size = scene->sparse.imageMipTailSize,
			.memory = scene->memory,
			.memoryOffset = scene->used,
		};
	}
}

/* One call, with all binds in one batch or in a batch each. */
static void bind(const struct scene *scene)
{
	const VkSparseImageMemoryBindInfo blocks = { scene->image, scene->block_count,
		scene->blocks };
	const VkSparseImageOpaqueMemoryBindInfo opaque = { scene->image, scene->memory_bind_count,
		scene->memory_binds };
	const bool is_image = scene->image != VK_NULL_HANDLE;
	uint32_t batches = scene->scenario->batches ? scene->memory_bind_count : 1;
	VkSparseBufferMemoryBindInfo buffers[MAX_BLOCKS];
	VkBindSparseInfo infos[MAX_BLOCKS];

	for (uint32_t i = 0; i < batches; i++) {
		buffers[i] = (VkSparseBufferMemoryBindInfo){ scene->buffer,
			scene->memory_bind_count / batches, &scene->memory_binds[i] };
		infos[i] = (VkBindSparseInfo){
			.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
			.bufferBindCount = !is_image,
			.pBufferBinds = &buffers[i],
			.imageOpaqueBindCount = is_image && opaque.bindCount,
			.pImageOpaqueBinds = &opaque,
			.imageBindCount = is_image,
			.pImageBinds = &blocks,
		};
	}
	mark("%s", scene->scenario->name);
	VKU_CHECK(vkQueueBindSparse(scene->vk->queue, batches, infos, VK_NULL_HANDLE));
	VKU_CHECK(vkQueueWaitIdle(scene->vk->queue));
	mark("end");
}

/* Binds all blocks of the image, outside of the marks. */
static void bind_all(struct scene *scene)
{
	static const struct scenario whole = { "before", ONE, RUN, SQUARE };
	const struct scenario *scenario = scene->scenario;

	scene->scenario = &whole;
	add_level(scene, 0, 0);
	bind(scene);
	scene->scenario = scenario;
	scene->block_count = 0;
}

/* All levels down to one texel. panvk reports that the last level of an image is in the mip
 * tail. */
static uint32_t level_count(const VkExtent3D *extent)
{
	uint32_t count = 1;

	for (uint32_t side = extent->width; side > 1; side /= 2) {
		count++;
	}
	return count;
}

static void create_image(struct scene *scene)
{
	const struct scenario *scenario = scene->scenario;
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT | VK_IMAGE_CREATE_SPARSE_RESIDENCY_BIT,
		.imageType = scenario->extent.depth > 1 ? VK_IMAGE_TYPE_3D : VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = scenario->extent,
		.mipLevels = level_count(&scenario->extent),
		.arrayLayers = scenario->layers ? scenario->layers : 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	uint32_t count = 1;

	VKU_CHECK(vkCreateImage(scene->vk->device, &info, NULL, &scene->image));
	vkGetImageMemoryRequirements(scene->vk->device, scene->image, &scene->requirements);
	vkGetImageSparseMemoryRequirements(scene->vk->device, scene->image, &count, &scene->sparse);
}

static void create_buffer(struct scene *scene)
{
	scene->buffer = vku_create_buffer(scene->vk,
		VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT,
		BUFFER_BLOCKS * BUFFER_BLOCK, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
	scene->requirements = vku_buffer_requirements(scene->vk, scene->buffer);
	scene->requirements.alignment = BUFFER_BLOCK;
}

static void run(const struct vku *vk, const struct scenario *scenario)
{
	static struct scene scene;

	scene = (struct scene){ .vk = vk, .scenario = scenario };
	if (scenario->extent.width) {
		create_image(&scene);
	} else {
		create_buffer(&scene);
	}
	scene.memory = vku_allocate(
		vk, MAX_BLOCKS * scene.requirements.alignment, scene.requirements.memoryTypeBits);
	if (scenario->evicts_rows) {
		bind_all(&scene);
	}
	if (scenario->extent.width) {
		add_image_binds(&scene);
	} else {
		add_buffer_binds(&scene);
	}
	bind(&scene);
	vkDestroyImage(vk->device, scene.image, NULL);
	vkDestroyBuffer(vk->device, scene.buffer, NULL);
	vkFreeMemory(vk->device, scene.memory, NULL);
}

static bool is_supported(const struct vku *vk, const struct scenario *scenario)
{
	VkPhysicalDeviceFeatures features;

	vkGetPhysicalDeviceFeatures(vk->physical, &features);
	return scenario->extent.depth <= 1 || features.sparseResidencyImage3D;
}

int main(int argc, char **argv)
{
	const struct vku_options options = { .name = "binds", .sparse_queue = true };
	struct vku vk;

	vku_init(&vk, &options);
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		bool named = argc < 2;
		for (int j = 1; j < argc; j++) {
			named |= strcmp(argv[j], scenarios[i].name) == 0;
		}
		if (named && is_supported(&vk, &scenarios[i])) {
			run(&vk, &scenarios[i]);
		}
	}
	vku_finish(&vk);
	return 0;
}
