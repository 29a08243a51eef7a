/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "image_private.h"

/* The binds of one call. */
struct call {
	VkSparseImageMemoryBind blocks[IMAGE_BLOCKS_MAX];
	uint32_t block_count;
	VkSparseMemoryBind opaque[16];
	uint32_t opaque_count;
};

static VkDeviceMemory memory_at(const struct image *image, int page, VkDeviceSize *offset)
{
	*offset = page < 0 ? 0 : (VkDeviceSize)page * image->pool.page;
	return page < 0 ? VK_NULL_HANDLE : image->pool.memory;
}

struct region {
	uint32_t level, layer;
	uint32_t x, y, z, width, height, depth; /* blocks */
	bool is_split; /* a bind for each block */
};

static void add_blocks(struct image *image, struct call *call, const struct region *r, int page)
{
	const struct image_level *level = &image->levels[r->level];
	const VkExtent3D *block = &image->block;
	VkSparseImageMemoryBind *bind = &call->blocks[call->block_count++];
	uint32_t layer_blocks = level->columns * level->rows * level->slices;
	int next = page;

	*bind = (VkSparseImageMemoryBind){
		.subresource = { VK_IMAGE_ASPECT_COLOR_BIT, r->level, r->layer },
		.offset = { (int32_t)(r->x * block->width), (int32_t)(r->y * block->height),
			(int32_t)(r->z * block->depth) },
		.extent = { image_least(r->width * block->width,
				    level->extent.width - r->x * block->width),
			image_least(r->height * block->height,
				level->extent.height - r->y * block->height),
			image_least(r->depth * block->depth,
				level->extent.depth - r->z * block->depth) },
	};
	bind->memory = memory_at(image, page, &bind->memoryOffset);
	for (uint32_t i = 0; i < r->width * r->height * r->depth; i++) {
		uint32_t x = r->x + i % r->width;
		uint32_t y = r->y + i / r->width % r->height;
		uint32_t z = r->z + i / r->width / r->height;
		image->bound[level->first_block + r->layer * layer_blocks +
			(z * level->rows + y) * level->columns + x] = page < 0 ? -1 : next++;
	}
}

static void add_each_block(struct image *image, struct call *call, const struct region *r, int page)
{
	for (uint32_t i = 0; i < r->width * r->height * r->depth; i++) {
		const struct region one = {
			.level = r->level,
			.layer = r->layer,
			.x = r->x + i % r->width,
			.y = r->y + i / r->width % r->height,
			.z = r->z + i / r->width / r->height,
			.width = 1,
			.height = 1,
			.depth = 1,
		};
		add_blocks(image, call, &one, page < 0 ? -1 : page + (int)i);
	}
}

static void add_tail(struct image *image, struct call *call, uint32_t layer, int page)
{
	VkSparseMemoryBind *bind = &call->opaque[call->opaque_count++];

	*bind = (VkSparseMemoryBind){
		.resourceOffset = image->sparse.imageMipTailOffset +
			layer * image->sparse.imageMipTailStride,
		.size = image->sparse.imageMipTailSize,
	};
	bind->memory = memory_at(image, page, &bind->memoryOffset);
	image->tail[layer] = page;
}

static void add_all(struct image *image, struct call *call)
{
	call->opaque[call->opaque_count++] =
		(VkSparseMemoryBind){ .size = image->requirements.size };
	memset(image->bound, 0xff, sizeof(image->bound));
	memset(image->tail, 0xff, sizeof(image->tail));
}

/* The page of "=PAGE"; *length grows. */
static bool parse_page(const char *text, int *length, int *page)
{
	int digits = 0;

	if (text[*length] != '=') {
		return false;
	}
	(*length)++;
	if (text[*length] == '-') {
		(*length)++;
		*page = -1;
		return true;
	}
	bool valid = sscanf(text + *length, "%d%n", page, &digits) == 1;
	*length += digits;
	return valid;
}

static bool fits(const struct image *image, const struct region *r, int page)
{
	if (r->level >= image->level_count || r->layer >= image->info.arrayLayers) {
		return false;
	}
	const struct image_level *level = &image->levels[r->level];

	return r->x + r->width <= level->columns && r->y + r->height <= level->rows &&
		r->z + r->depth <= level->slices &&
		page + (int)(r->width * r->height * r->depth) <= (int)image->pool.pages;
}

/* Parses "X,Y[,Z][+WxHxD]" and the prefix before it. */
static int parse_region(const char *text, struct region *r)
{
	int length = 0, more = 0;

	*r = (struct region){ .width = 1, .height = 1, .depth = 1 };
	if (sscanf(text, "m%ua%u:%n", &r->level, &r->layer, &more) == 2 && more) {
		length = more;
	} else if (sscanf(text, "m%u:%n", &r->level, &more) == 1 && more) {
		length = more;
	} else if (sscanf(text, "a%u:%n", &r->layer, &more) == 1 && more) {
		length = more;
	}
	more = 0;
	if (sscanf(text + length, "%u,%u%n", &r->x, &r->y, &more) == 2) {
		length += more;
		more = 0;
		sscanf(text + length, ",%u%n", &r->z, &more);
		length += more;
		more = 0;
		char separator[2] = "";
		sscanf(text + length, "%1[+*]%ux%ux%u%n", separator, &r->width, &r->height,
			&r->depth, &more);
		r->is_split = separator[0] == '*' && more;
		length += more;
	}
	return length;
}

static int parse_bind(struct image *image, struct call *call, const char *text)
{
	struct region region;
	int length, page;

	length = parse_region(text, &region);
	const char *name = text + length;
	if (strncmp(name, "tail=", 5) == 0 || strncmp(name, "all=", 4) == 0) {
		length += (int)strcspn(name, "=");
		if (!parse_page(text, &length, &page)) {
			check_fail("vmbind-check has a wrong script at '%s'", text);
		}
		if (*name == 'a') {
			add_all(image, call);
		} else if (image_has_tail(image)) {
			add_tail(image, call, region.layer, page);
		}
		return length;
	}
	if (!parse_page(text, &length, &page) || !fits(image, &region, page)) {
		check_fail("vmbind-check has a wrong script at '%s'", text);
	}
	if (region.is_split) {
		add_each_block(image, call, &region, page);
	} else {
		add_blocks(image, call, &region, page);
	}
	return length;
}

static void execute(struct image *image, const struct call *call)
{
	const VkSparseImageMemoryBindInfo blocks = { image->handle, call->block_count,
		call->blocks };
	const VkSparseImageOpaqueMemoryBindInfo opaque = { image->handle, call->opaque_count,
		call->opaque };

	gpu_bind(image->gpu,
		&(VkBindSparseInfo){
			.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
			.imageOpaqueBindCount = call->opaque_count ? 1 : 0,
			.pImageOpaqueBinds = &opaque,
			.imageBindCount = call->block_count ? 1 : 0,
			.pImageBinds = &blocks,
		});
}

void image_run(struct image *image, const char *script)
{
	static struct call call;

	call = (struct call){ 0 };
	for (const char *at = script; *at;) {
		at += parse_bind(image, &call, at);
		at += strspn(at, " ");
		if (*at == ';' || !*at) {
			execute(image, &call);
			check_step("After '%.*s': ", (int)(at - script), script);
			image_verify(image);
			call = (struct call){ 0 };
			at += strspn(at, "; ");
		}
	}
}
