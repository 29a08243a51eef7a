/* SPDX-License-Identifier: MIT */
#include "merge/image_binds.h"

#include <string.h>

/* The bits of a key. Images with more blocks, mip levels or layers are not joined. */
#define COORDINATE_BITS 14
#define LEVEL_BITS 4
#define LAYER_BITS 12
#define ASPECT_BITS 3

enum axis {
	X,
	Y,
	Z,
};

struct box {
	uint32_t at[3]; /* in blocks */
	uint32_t size[3]; /* in blocks; the last block may be partial */
	bool is_whole[3]; /* the last block is whole */
};

/* The block of an aspect, as shifts. All block sides that Vulkan defines are powers of two, except
 * those of a few compressed formats. */
struct geometry {
	VkImageAspectFlags aspect; /* 0 if unknown */
	unsigned shifts[3];
};

static struct geometry geometry_of(const struct vmb_merge_blocks *blocks, VkImageAspectFlags aspect)
{
	struct geometry geometry = { 0 };

	for (uint32_t i = 0; i < blocks->aspect_count; i++) {
		const VkSparseImageFormatProperties *format = &blocks->aspects[i].formatProperties;
		const uint32_t sides[] = { format->imageGranularity.width,
			format->imageGranularity.height, format->imageGranularity.depth };
		if (!(format->aspectMask & aspect)) {
			continue;
		}
		for (int j = X; j <= Z; j++) {
			if (!sides[j] || sides[j] & (sides[j] - 1)) {
				return geometry;
			}
			geometry.shifts[j] = (unsigned)__builtin_ctz(sides[j]);
		}
		geometry.aspect = aspect;
		return geometry;
	}
	return geometry;
}

/* False if the offset is not aligned, or the box is empty or too far away for a key. */
static bool box_of(
	const struct geometry *geometry, const VkSparseImageMemoryBind *bind, struct box *box)
{
	const uint32_t offsets[] = { (uint32_t)bind->offset.x, (uint32_t)bind->offset.y,
		(uint32_t)bind->offset.z };
	const uint32_t extents[] = { bind->extent.width, bind->extent.height, bind->extent.depth };
	uint32_t unaligned = 0, far = 0;

	for (int i = X; i <= Z; i++) {
		unsigned shift = geometry->shifts[i];
		uint32_t mask = (UINT32_C(1) << shift) - 1;
		box->at[i] = offsets[i] >> shift;
		box->size[i] = ((extents[i] - 1) >> shift) + 1;
		box->is_whole[i] = (extents[i] & mask) == 0;
		unaligned |= (offsets[i] & mask) | !extents[i];
		far |= (box->at[i] | box->size[i]) >> COORDINATE_BITS;
	}
	return !unaligned && !far;
}

static bool is_plain(const struct vmb_merge_blocks *blocks, const VkSparseImageMemoryBind *bind)
{
	const VkImageSubresource *subresource = &bind->subresource;

	return !bind->flags && !(subresource->mipLevel >> LEVEL_BITS) &&
		!(subresource->arrayLayer >> LAYER_BITS) &&
		!(subresource->aspectMask & (subresource->aspectMask - 1)) &&
		!(subresource->aspectMask >> ((1 << ASPECT_BITS) - 1)) &&
		(!bind->memory || bind->memoryOffset % blocks->bytes == 0);
}

static uint64_t shift_in(uint64_t key, uint64_t value, unsigned bits)
{
	return key << bits | value;
}

/* Sorts by subresource, then by the axes, the last one fastest. */
static uint64_t key_of(
	const VkSparseImageMemoryBind *bind, const struct box *box, const enum axis axes[3])
{
	uint64_t aspect = (uint64_t)__builtin_ctz(bind->subresource.aspectMask);
	uint64_t key = shift_in(aspect, bind->subresource.mipLevel, LEVEL_BITS);

	key = shift_in(key, bind->subresource.arrayLayer, LAYER_BITS);
	for (int i = 0; i < 3; i++) {
		key = shift_in(key, box->at[axes[i]], COORDINATE_BITS);
	}
	return key;
}

static bool same_subresource(
	const VkSparseImageMemoryBind *bind, const VkSparseImageMemoryBind *next)
{
	return memcmp(&bind->subresource, &next->subresource, sizeof(bind->subresource)) == 0;
}

/* Whether the next bind starts at the end of the bind along an axis, with equal other sides. */
static bool is_neighbour(const struct box *box, const struct box *next, enum axis axis)
{
	for (int i = X; i <= Z; i++) {
		if (i == (int)axis) {
			if (!box->is_whole[i] || box->at[i] + box->size[i] != next->at[i]) {
				return false;
			}
		} else if (box->at[i] != next->at[i] || box->size[i] != next->size[i] ||
			box->is_whole[i] != next->is_whole[i]) {
			return false;
		}
	}
	return true;
}

/* Whether the joined box takes the memory of both. The box fills the axes before the joined one, so
 * the axes after it have one block. */
static bool memory_continues(const struct vmb_merge_blocks *blocks,
	const VkSparseImageMemoryBind *bind, const VkSparseImageMemoryBind *next,
	const struct box *box, enum axis axis)
{
	VkDeviceSize count = (VkDeviceSize)box->size[X] * box->size[Y] * box->size[Z];

	if (bind->memory != next->memory) {
		return false;
	}
	if (!bind->memory) {
		return true;
	}
	for (int i = (int)axis + 1; i <= Z; i++) {
		if (box->size[i] != 1) {
			return false;
		}
	}
	return blocks->in_order && bind->memoryOffset + count * blocks->bytes == next->memoryOffset;
}

static void extend(
	VkSparseImageMemoryBind *bind, const VkSparseImageMemoryBind *next, enum axis axis)
{
	uint32_t *extents[] = { &bind->extent.width, &bind->extent.height, &bind->extent.depth };
	const uint32_t more[] = { next->extent.width, next->extent.height, next->extent.depth };

	*extents[axis] += more[axis];
}

/* The arrays of a join. The result of each step is in out. */
struct join {
	const struct vmb_merge_blocks *blocks;
	struct geometry geometry;
	struct vmb_merge_key *keys;
	VkSparseImageMemoryBind *spare;
	VkSparseImageMemoryBind *out;
	uint32_t count;
};

/* Selects the geometry of a bind. False if the block is unknown. */
static bool set_aspect(struct join *join, const VkSparseImageMemoryBind *bind)
{
	if (join->geometry.aspect != bind->subresource.aspectMask) {
		join->geometry = geometry_of(join->blocks, bind->subresource.aspectMask);
	}
	return join->geometry.aspect;
}

static void box_in(struct join *join, const VkSparseImageMemoryBind *bind, struct box *box)
{
	set_aspect(join, bind);
	box_of(&join->geometry, bind, box);
}

/* Copies the binds to out, sorted along the axes. False if the layer does not understand a bind. */
static bool sort_along(
	struct join *join, const VkSparseImageMemoryBind *binds, const enum axis axes[3])
{
	bool is_sorted = true;
	struct box box;

	for (uint32_t i = 0; i < join->count; i++) {
		if (!is_plain(join->blocks, &binds[i]) || !set_aspect(join, &binds[i]) ||
			!box_of(&join->geometry, &binds[i], &box)) {
			return false;
		}
		join->keys[i] = (struct vmb_merge_key){ key_of(&binds[i], &box, axes), i };
		is_sorted &= !i || join->keys[i - 1].key < join->keys[i].key;
	}
	if (!is_sorted) {
		vmb_merge_sort(join->keys, join->keys + join->count, join->count);
	}
	for (uint32_t i = 0; i < join->count; i++) {
		join->out[i] = binds[join->keys[i].index];
	}
	return true;
}

/* Joins consecutive binds of out along an axis. */
static void join_along(struct join *join, enum axis axis)
{
	struct box box, next;
	uint32_t last = 0;

	box_in(join, &join->out[0], &box);
	for (uint32_t i = 1; i < join->count; i++) {
		VkSparseImageMemoryBind *bind = &join->out[last];
		box_in(join, &join->out[i], &next);
		if (same_subresource(bind, &join->out[i]) && is_neighbour(&box, &next, axis) &&
			memory_continues(join->blocks, bind, &join->out[i], &box, axis)) {
			extend(bind, &join->out[i], axis);
			box.size[axis] += next.size[axis];
			box.is_whole[axis] = next.is_whole[axis];
		} else {
			join->out[++last] = join->out[i];
			box = next;
		}
	}
	join->count = last + 1;
}

/* Sorted binds of one row each overlap only if they follow each other. Binds of several rows could
 * overlap in other ways, and are not joined. */
static bool may_overlap(struct join *join)
{
	struct box box, next;

	for (uint32_t i = 0; i < join->count; i++) {
		box_in(join, &join->out[i], &next);
		if (next.size[Y] > 1 || next.size[Z] > 1) {
			return true;
		}
		if (i && same_subresource(&join->out[i - 1], &join->out[i]) &&
			box.at[Y] == next.at[Y] && box.at[Z] == next.at[Z] &&
			box.at[X] + box.size[X] > next.at[X]) {
			return true;
		}
		box = next;
	}
	return false;
}

uint32_t vmb_merge_image_binds(const struct vmb_merge_blocks *blocks,
	const VkSparseImageMemoryBind *binds, uint32_t count, struct vmb_merge_key *keys,
	VkSparseImageMemoryBind *spare, VkSparseImageMemoryBind *out)
{
	static const enum axis orders[][3] = { { Z, Y, X }, { Z, X, Y }, { Y, X, Z } };
	struct join join = {
		.blocks = blocks, .keys = keys, .spare = spare, .out = out, .count = count
	};

	if (!blocks->bytes || !sort_along(&join, binds, orders[X]) || may_overlap(&join)) {
		return 0;
	}
	join_along(&join, X);
	for (enum axis axis = Y; axis <= Z; axis++) {
		memcpy(join.spare, join.out, join.count * sizeof(*join.out));
		sort_along(&join, join.spare, orders[axis]);
		join_along(&join, axis);
	}
	return join.count;
}
