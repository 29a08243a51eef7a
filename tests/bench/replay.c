/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "measure.h"
#include "table.h"
#include "vk.h"

/*
 * What a D3D12 engine with tiled textures does in each frame, as vkd3d-proton passes it on: a
 * vkQueueBindSparse for each UpdateTileMappings, with a bind for each tile. tests/bench/run.sh
 * runs this program on drivers without their GPU.
 *
 * The program's ioctl() interposes the C library's, and counts the ioctls that change the GPU's
 * address space, and the ops in them.
 */

#define TEXTURES 8
#define TEXTURE_TILES 32 /* on a side */
#define POOL_TILES 4096
#define MAX_BINDS 64
#define CALLS 8 /* in a frame */

static uint64_t ioctls;
static uint64_t ops;

__attribute__((visibility("default"))) int ioctl(int fd, unsigned long request, ...)
{
	static int (*next)(int fd, unsigned long request, ...);
	/* amdgpu GEM_VA has one op. The count of ops comes first in nouveau VM_BIND, and second in
	 * asahi VM_BIND. */
	const char *driver = getenv("VMBIND_NATIVE_DRIVER");
	va_list args;

	va_start(args, request);
	const uint32_t *argument = va_arg(args, void *);
	va_end(args);
	if (!next) {
		next = (int (*)(int, unsigned long, ...))(uintptr_t)dlsym(RTLD_NEXT, "ioctl");
	}
	if (driver && _IOC_TYPE(request) == 'd') {
		bool radv = strcmp(driver, "radv") == 0 && _IOC_NR(request) == 0x48;
		bool nvk = strcmp(driver, "nvk") == 0 && _IOC_NR(request) == 0x51;
		bool asahi = strcmp(driver, "honeykrisp") == 0 && _IOC_NR(request) == 0x44;
		ioctls += radv || nvk || asahi;
		ops += radv ? 1 : nvk ? argument[0] : asahi ? argument[1] : 0;
	}
	return next(fd, request, argument);
}

struct player {
	struct vku vk;
	PFN_vkQueueBindSparse QueueBindSparse;
	VkImage textures[TEXTURES];
	VkExtent3D tile; /* texels */
	VkDeviceSize tile_bytes;
	VkDeviceMemory pool;
	uint64_t random;
	uint64_t binds; /* so far */
	uint64_t frames;
};

static uint32_t below(struct player *player, uint32_t end)
{
	player->random = player->random * UINT64_C(6364136223846793005) + 1;
	return (uint32_t)(player->random >> 33) % end;
}

static void create_texture(struct player *player, VkImage *texture)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT | VK_IMAGE_CREATE_SPARSE_RESIDENCY_BIT,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { 4096, 4096, 1 },
		.mipLevels = 13,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	VkMemoryRequirements requirements;
	VkSparseImageMemoryRequirements sparse;
	uint32_t count = 1;

	VKU_CHECK(vkCreateImage(player->vk.device, &info, NULL, texture));
	vkGetImageMemoryRequirements(player->vk.device, *texture, &requirements);
	vkGetImageSparseMemoryRequirements(player->vk.device, *texture, &count, &sparse);
	player->tile = sparse.formatProperties.imageGranularity;
	player->tile_bytes = requirements.alignment;
	if (!player->pool) {
		player->pool = vku_allocate(&player->vk, POOL_TILES * requirements.alignment,
			requirements.memoryTypeBits);
	}
}

static void player_init(struct player *player, bool with_layer)
{
	const struct vku_options options = {
		.name = "replay", .sparse_queue = true, .without_layers = !with_layer
	};

	*player = (struct player){ .random = 1 };
	vku_init(&player->vk, &options);
	player->QueueBindSparse = (PFN_vkQueueBindSparse)vku_device_function(
		&player->vk, "vkQueueBindSparse", "vkQueueBindSparse");
	for (size_t i = 0; i < TEXTURES; i++) {
		create_texture(player, &player->textures[i]);
	}
}

static void player_finish(struct player *player)
{
	for (size_t i = 0; i < TEXTURES; i++) {
		vkDestroyImage(player->vk.device, player->textures[i], NULL);
	}
	vkFreeMemory(player->vk.device, player->pool, NULL);
	vku_finish(&player->vk);
}

/* The tiles of one UpdateTileMappings. */
struct update {
	uint32_t width, height; /* a box of tiles; single tiles if 0 */
	uint32_t singles;
	bool evicts;
	bool scattered; /* each tile has memory from another place of the pool */
};

/* Engines load boxes, replace single tiles, and evict. */
static const struct update updates[CALLS] = {
	{ .width = 8, .height = 8 },
	{ .width = 4, .height = 4 },
	{ .width = 4, .height = 2 },
	{ .singles = 6, .scattered = true },
	{ .width = 4, .height = 4, .scattered = true },
	{ .width = 8, .height = 4, .evicts = true },
	{ .width = 4, .height = 4, .evicts = true },
	{ .singles = 8, .evicts = true },
};

static void update_tiles(struct player *player, const struct update *update)
{
	uint32_t count = update->singles ? update->singles : update->width * update->height;
	uint32_t memory = below(player, POOL_TILES - MAX_BINDS);
	uint32_t left = below(player, TEXTURE_TILES - 8), top = below(player, TEXTURE_TILES - 8);
	VkSparseImageMemoryBind tiles[MAX_BINDS];

	for (uint32_t i = 0; i < count; i++) {
		/* Single tiles lie on a diagonal, so that no tile is bound twice. */
		uint32_t x = left + (update->singles ? i : i % update->width);
		uint32_t y = top + (update->singles ? i : i / update->width);
		uint32_t from = update->scattered ? (memory + i * 389) % POOL_TILES : memory + i;
		tiles[i] = (VkSparseImageMemoryBind){
			.subresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0 },
			.offset = { (int32_t)(x * player->tile.width),
				(int32_t)(y * player->tile.height), 0 },
			.extent = { player->tile.width, player->tile.height, 1 },
			.memory = update->evicts ? VK_NULL_HANDLE : player->pool,
			.memoryOffset = update->evicts ? 0 : from * player->tile_bytes,
		};
	}
	const VkSparseImageMemoryBindInfo binds = { player->textures[below(player, TEXTURES)],
		count, tiles };
	const VkBindSparseInfo info = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.imageBindCount = 1,
		.pImageBinds = &binds,
	};
	VKU_CHECK(player->QueueBindSparse(player->vk.queue, 1, &info, VK_NULL_HANDLE));
	player->binds += count;
}

static void play(void *data, unsigned iterations)
{
	struct player *player = data;

	for (unsigned i = 0; i < iterations; i++) {
		for (size_t j = 0; j < CALLS; j++) {
			update_tiles(player, &updates[j]);
		}
		player->frames++;
	}
}

/* The ioctls and ops of 100 frames. */
static void count_frames(struct player *player, double *ioctls_each, double *ops_each)
{
	const unsigned frames = 100;
	uint64_t ioctls_before = ioctls, ops_before = ops;

	play(player, frames);
	VKU_CHECK(vkDeviceWaitIdle(player->vk.device));
	*ioctls_each = (double)(ioctls - ioctls_before) / frames;
	*ops_each = (double)(ops - ops_before) / frames;
}

int main(void)
{
	static const char *const headings[] = { "a frame", "calls", "binds", "ioctls", "ops",
		"processor time", "layer : driver" };
	static struct player players[2];
	struct bench_side sides[2];
	struct bench_table table;

	for (int i = 0; i < 2; i++) {
		player_init(&players[i], i == 1);
		sides[i] = (struct bench_side){ .run = play, .data = &players[i] };
	}
	const struct bench_effort effort = bench_effort_for(sides, 2, 4);
	bench_measure(sides, 2, &effort);
	printf("### %s\n\n", players[0].vk.properties.deviceName);
	bench_table_init(&table, 7, headings);
	for (int i = 0; i < 2; i++) {
		double ioctls_each, ops_each;
		count_frames(&players[i], &ioctls_each, &ops_each);
		bench_cell(&table, i ? "with the layer" : "the driver alone");
		bench_cell(&table, "%d", CALLS);
		bench_cell(&table, "%.0f", (double)players[i].binds / (double)players[i].frames);
		bench_cell(&table, "%.1f", ioctls_each);
		bench_cell(&table, "%.1f", ops_each);
		bench_cell_time(&table, sides[i].result[BENCH_PROCESS].time.median);
		bench_cell_ratio(&table, &sides[i].result[BENCH_PROCESS].ratio);
	}
	bench_table_print(&table);
	for (int i = 0; i < 2; i++) {
		player_finish(&players[i]);
	}
	return 0;
}
