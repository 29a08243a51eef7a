/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "check.h"
#include "image.h"

/* Sparse images: opaque binds, and blocks. image.h describes the scripts. */

struct image_script {
	struct image_shape shape;
	bool needs_tail;
	const char *text;
};

static void run_script(struct gpu *gpu, const void *data)
{
	const struct image_script *script = data;
	static struct image image;

	image_init(gpu, &image, &script->shape);
	if (script->needs_tail && image.tail_pages == 0) {
		check_skip("such an image has no mip tail on this device");
	}
	image_run(&image, script->text);
	image_finish(&image);
}

/* An image with SPARSE_BINDING only. It is bound as a whole, page by page in random order. */
#define OPAQUE_SIZE 512 /* texels */
#define OPAQUE_WORDS (OPAQUE_SIZE * OPAQUE_SIZE)

struct opaque {
	struct gpu *gpu;
	VkImage image;
	struct pool pool;
	uint32_t pages; /* of the image; the pool has twice as many */
	struct vku_buffer staging;
};

static void opaque_init(struct gpu *gpu, struct opaque *o)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { OPAQUE_SIZE, OPAQUE_SIZE, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	VkMemoryRequirements requirements;

	*o = (struct opaque){ .gpu = gpu };
	VKU_CHECK(vkCreateImage(gpu->vk.device, &info, NULL, &o->image));
	vkGetImageMemoryRequirements(gpu->vk.device, o->image, &requirements);
	o->pages = (uint32_t)(requirements.size / requirements.alignment);
	pool_init(gpu, &o->pool, &requirements, 2 * o->pages);
	vku_buffer_init(&gpu->vk, &o->staging, (VkDeviceSize)OPAQUE_WORDS * 4);
}

static void opaque_finish(struct opaque *o)
{
	VKU_CHECK(vkDeviceWaitIdle(o->gpu->vk.device));
	vku_buffer_finish(&o->gpu->vk, &o->staging);
	vkDestroyImage(o->gpu->vk.device, o->image, NULL);
	pool_finish(o->gpu, &o->pool);
}

/* Binds all pages of the image to the pool's pages from first on, in pieces. */
static void opaque_bind(struct opaque *o, uint32_t first, uint32_t pieces)
{
	VkDeviceSize page = o->pool.page;
	VkSparseMemoryBind *binds = calloc(pieces, sizeof(*binds));
	const VkSparseImageOpaqueMemoryBindInfo info = { o->image, pieces, binds };
	unsigned seed = 1;

	if (!binds) {
		check_skip("the process has no memory for %u binds", pieces);
	}
	for (uint32_t i = 0; i < pieces; i++) {
		uint32_t at = (uint32_t)((uint64_t)o->pages * i / pieces);
		uint32_t end = (uint32_t)((uint64_t)o->pages * (i + 1) / pieces);
		uint32_t j = (uint32_t)rand_r(&seed) % (i + 1);
		binds[i] = binds[j];
		binds[j] = (VkSparseMemoryBind){
			.resourceOffset = at * page,
			.size = (end - at) * page,
			.memory = o->pool.memory,
			.memoryOffset = (first + at) * page,
		};
	}
	gpu_bind(o->gpu,
		&(VkBindSparseInfo){
			.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
			.imageOpaqueBindCount = 1,
			.pImageOpaqueBinds = &info,
		});
	free(binds);
}

static const VkBufferImageCopy whole = {
	.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
	.imageExtent = { OPAQUE_SIZE, OPAQUE_SIZE, 1 },
};

static void opaque_write(struct opaque *o, uint32_t seed)
{
	uint32_t *words = o->staging.map;
	VkCommandBuffer commands = vku_begin(&o->gpu->vk);

	for (uint32_t i = 0; i < OPAQUE_WORDS; i++) {
		words[i] = gpu_pattern(i, seed);
	}
	vkCmdCopyBufferToImage(
		commands, o->staging.buffer, o->image, VK_IMAGE_LAYOUT_GENERAL, 1, &whole);
	gpu_submit(o->gpu, commands);
}

static void opaque_expect(struct opaque *o, uint32_t seed)
{
	const uint32_t *words = o->staging.map;
	VkCommandBuffer commands = vku_begin(&o->gpu->vk);

	vkCmdCopyImageToBuffer(
		commands, o->image, VK_IMAGE_LAYOUT_GENERAL, o->staging.buffer, 1, &whole);
	gpu_submit(o->gpu, commands);
	for (uint32_t i = 0; i < OPAQUE_WORDS; i++) {
		if (words[i] != gpu_pattern(i, seed)) {
			check_fail("texel %u,%u has 0x%08x, not the 0x%08x written there",
				i % OPAQUE_SIZE, i / OPAQUE_SIZE, words[i], gpu_pattern(i, seed));
		}
	}
}

/* Two sets of memory. Each keeps what was written through the image. */
static void run_opaque(struct gpu *gpu, const void *data)
{
	const uint32_t *pieces = data;
	struct opaque o;

	opaque_init(gpu, &o);
	uint32_t count = *pieces && *pieces < o.pages ? *pieces : *pieces ? o.pages : 1;
	opaque_bind(&o, 0, count);
	gpu_prepare_layout(gpu, o.image);
	opaque_write(&o, 1);
	opaque_expect(&o, 1);
	check_step("After a bind to other memory: ");
	opaque_bind(&o, o.pages, count);
	opaque_write(&o, 2);
	opaque_expect(&o, 2);
	check_step("After a bind to the first memory again: ");
	opaque_bind(&o, 0, 1);
	opaque_expect(&o, 1);
	opaque_finish(&o);
}

#define OPAQUE(name, title, pieces) \
	{ \
		name, title, run_opaque, &(const uint32_t){ pieces }, false \
	}
#define SCRIPT(name, title, tail, text, ...) \
	{ \
		name, title, run_script, \
			&(const struct image_script){ { __VA_ARGS__ }, tail, text }, false \
	}

#define FLAT VK_IMAGE_TYPE_2D
#define VOLUME VK_IMAGE_TYPE_3D

const struct check vmb_image_checks[] = {
	OPAQUE("image.opaque", "An image bound as a whole keeps its texels", 0),
	OPAQUE("image.opaque.pieces", "An image can be bound in pieces", 1000),
	SCRIPT("image.blocks", "Single blocks of a 2D image can be bound", false,
		"0,0=0; 3,1=9 1,2=4; 0,3=12 1,3=3 2,3=7", FLAT, 4, 4, 1, false, 1, 1),
	SCRIPT("image.region", "A bind of several blocks takes its memory in rows", false,
		"0,0,0+4x4x1=0; 1,1,0+2x3x1=20", FLAT, 4, 4, 1, false, 1, 1),
	SCRIPT("image.many", "Many blocks in one call, to scattered memory", false,
		"0,0=7 1,0=6 2,0=1 3,0=0 0,1=11 1,1=3 2,1=2 3,1=10 0,2=15 1,2=14 2,2=8 3,2=9 "
		"0,3=4 1,3=5 2,3=12 3,3=13",
		FLAT, 4, 4, 1, false, 1, 1),
	SCRIPT("image.edges", "Blocks at the edges of an image can be partial", false,
		"3,2=1 3,0=5 0,2=8; 0,0,0+4x3x1=10", FLAT, 4, 3, 1, true, 1, 1),
	SCRIPT("image.rebind", "Memory keeps its texels when it is bound elsewhere", false,
		"0,0,0*4x4x1=0; 0,0=3 3,0=0; 0,0,0*4x4x1=4; 2,2=4 0,0=14", FLAT, 4, 4, 1, false, 1,
		1),
	SCRIPT("image.null", "NULL unbinds its blocks and nothing beside them", false,
		"0,0,0*4x4x1=0; 1,2=-; 3,0=- 0,3=-; 1,0,0*2x2x1=-; 1,2=20", FLAT, 4, 4, 1, false, 1,
		1),
	SCRIPT("image.null-all", "An opaque NULL bind unbinds a whole image", false,
		"0,0,0*4x4x1=0; all=-; 1,1=3; all=-; 0,0,0*4x4x1=8", FLAT, 4, 4, 1, false, 1, 1),
	SCRIPT("image.layers", "Blocks of each array layer can be bound", false,
		"a1:0,0,0*3x2x1=0; a0:2,1=9 a2:0,0=7; a1:1,1=-; a2:0,0,0*3x2x1=12", FLAT, 3, 2, 1,
		false, 1, 3),
	SCRIPT("image.mips", "Blocks of each mip level can be bound", false,
		"m0:0,0,0*4x4x1=0; m1:0,0,0*2x2x1=20; m0:3,3=31 m1:1,0=30; m1:0,1=-; m0:0,0=-",
		FLAT, 4, 4, 1, false, 2, 1),
	SCRIPT("image.tail", "The mip tail can be bound", true,
		"0,0,0*4x4x1=0; tail=16; 0,0=-; tail=24", FLAT, 4, 4, 1, false, 0, 1),
	SCRIPT("image.volume", "Blocks of a 3D image can be bound", false,
		"0,0,0=5 2,1,1=0; 1,1,1=9 0,1,0=3; 2,1,1=-", VOLUME, 3, 2, 2, false, 1, 1),
	SCRIPT("image.volume.region", "A bind of 3D blocks takes rows, then slices", false,
		"0,0,0+3x2x2=0; 1,0,0+2x2x2=16; 0,0,1+1x2x1=24", VOLUME, 3, 2, 2, true, 1, 1),
	{ 0 },
};
