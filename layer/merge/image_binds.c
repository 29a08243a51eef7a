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

/* Orders by subresource, then by z, y and x. */
static uint64_t key_of(const VkSparseImageMemoryBind *bind, const struct box *box)
{
	uint64_t aspect = (uint64_t)__builtin_ctz(bind->subresource.aspectMask);
	uint64_t key = shift_in(aspect, bind->subresource.mipLevel, LEVEL_BITS);

	key = shift_in(key, bind->subresource.arrayLayer, LAYER_BITS);
	key = shift_in(key, box->at[Z], COORDINATE_BITS);
	key = shift_in(key, box->at[Y], COORDINATE_BITS);
	return shift_in(key, box->at[X], COORDINATE_BITS);
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

/* Whether the joined box takes the memory of both. The axes after the joined one have one block. */
static bool memory_continues(const struct vmb_merge_blocks *blocks,
	const VkSparseImageMemoryBind *bind, const VkSparseImageMemoryBind *next,
	const struct box *box)
{
	VkDeviceSize count = (VkDeviceSize)box->size[X] * box->size[Y] * box->size[Z];

	if (bind->memory != next->memory) {
		return false;
	}
	return !bind->memory ||
		(blocks->in_order &&
			bind->memoryOffset + count * blocks->bytes == next->memoryOffset);
}

static void extend(
	VkSparseImageMemoryBind *bind, const VkSparseImageMemoryBind *next, enum axis axis)
{
	uint32_t *extents[] = { &bind->extent.width, &bind->extent.height, &bind->extent.depth };
	const uint32_t more[] = { next->extent.width, next->extent.height, next->extent.depth };

	*extents[axis] += more[axis];
}

static bool continues(const struct vmb_merge_blocks *blocks, const VkSparseImageMemoryBind *bind,
	const VkSparseImageMemoryBind *next, const struct box *box, const struct box *next_box,
	enum axis axis)
{
	return is_neighbour(box, next_box, axis) && memory_continues(blocks, bind, next, box) &&
		same_subresource(bind, next);
}

struct join {
	const struct vmb_merge_blocks *blocks;
	const VkSparseImageMemoryBind *given;
	uint32_t given_count;
	struct geometry geometry; /* of the last aspect */
	struct vmb_sort_key *keys;
	VkSparseImageMemoryBind *out;
	uint32_t count; /* of out */
};

/* False if the layer does not understand the bind. */
static bool locate(struct join *join, const VkSparseImageMemoryBind *bind, struct box *box)
{
	if (!is_plain(join->blocks, bind)) {
		return false;
	}
	if (join->geometry.aspect != bind->subresource.aspectMask) {
		join->geometry = geometry_of(join->blocks, bind->subresource.aspectMask);
	}
	return join->geometry.aspect && box_of(&join->geometry, bind, box);
}

/* Fills keys in ascending order. False if the layer does not understand a bind. */
static bool sort(struct join *join)
{
	struct box box;

	for (uint32_t i = 0; i < join->given_count; i++) {
		if (!locate(join, &join->given[i], &box)) {
			return false;
		}
		join->keys[i] = (struct vmb_sort_key){ key_of(&join->given[i], &box), i };
	}
	vmb_sort(join->keys, join->keys + join->given_count, join->given_count);
	return true;
}

enum outcome {
	DONE,
	UNSORTED,
	UNKNOWN, /* binds overlap, or the layer does not understand one */
};

/* The last bind of out, which following binds may extend along x. */
struct row {
	VkSparseImageMemoryBind *bind; /* NULL at first */
	struct box box;
	uint64_t key;
};

static VkDeviceSize end_of_memory(const struct join *join, const struct row *row)
{
	return row->bind->memoryOffset + row->box.size[X] * join->blocks->bytes;
}

/* Extends the row by a bind that starts where the row ends. This is the common case, and needs no
 * key: a bind that continues the row in texels continues it in blocks. */
static bool extend_row(
	const struct join *join, struct row *row, const VkSparseImageMemoryBind *bind)
{
	const VkSparseImageMemoryBind *last = row->bind;
	unsigned shift = join->geometry.shifts[X];

	if (!last || bind->memory != last->memory || bind->flags || !row->box.is_whole[X] ||
		bind->offset.x != last->offset.x + (int32_t)last->extent.width ||
		bind->offset.y != last->offset.y || bind->offset.z != last->offset.z ||
		!bind->extent.width || bind->extent.height != last->extent.height ||
		bind->extent.depth != last->extent.depth || !same_subresource(last, bind)) {
		return false;
	}
	if (bind->memory &&
		(!join->blocks->in_order || bind->memoryOffset != end_of_memory(join, row))) {
		return false;
	}
	row->bind->extent.width += bind->extent.width;
	row->box.size[X] += ((bind->extent.width - 1) >> shift) + 1;
	row->box.is_whole[X] = bind->extent.width % (UINT32_C(1) << shift) == 0;
	return true;
}

/*
 * Appends a bind to out. The binds come in ascending order.
 *
 * A bind of several rows or slices is unknown. Sorted binds of one row overlap only if one follows
 * the other, but binds of several rows can overlap in other ways.
 */
static enum outcome add_row(struct join *join, struct row *row, const VkSparseImageMemoryBind *bind)
{
	struct box box;

	if (!locate(join, bind, &box) || box.size[Y] > 1 || box.size[Z] > 1) {
		return UNKNOWN;
	}
	uint64_t key = key_of(bind, &box);
	if (row->bind && key < row->key) {
		return UNSORTED;
	}
	bool in_row = row->bind && key >> COORDINATE_BITS == row->key >> COORDINATE_BITS;
	if (in_row && row->box.at[X] + row->box.size[X] > box.at[X]) {
		return UNKNOWN;
	}
	*row = (struct row){ &join->out[join->count++], box, key };
	*row->bind = *bind;
	return DONE;
}

/* Joins the given binds along x to out. by_keys: in the order of the keys. */
static enum outcome join_rows(struct join *join, bool by_keys)
{
	struct row row = { 0 };
	enum outcome outcome = DONE;

	join->count = 0;
	for (uint32_t i = 0; i < join->given_count && outcome == DONE; i++) {
		const VkSparseImageMemoryBind *bind =
			&join->given[by_keys ? join->keys[i].index : i];
		if (!extend_row(join, &row, bind)) {
			outcome = add_row(join, &row, bind);
		}
	}
	return outcome;
}

/* The binds that start at one place of an axis, such as the rows with one y: their place on the
 * lower axes, and their index in out. */
struct group {
	struct vmb_sort_key *keys;
	uint32_t count;
	uint64_t place; /* the key without the lower axes */
};

/* Appends a bind to the group that it starts. The bind joins the one of the group above that
 * touches it, or moves to out[kept]. Returns the new number of kept binds. next is where the search
 * in the group above starts, and moves on: both groups are in ascending order. */
static uint32_t add_to_group(struct join *join, enum axis axis, const struct group *above,
	uint32_t *next, struct group *group, uint64_t place, uint32_t index, uint32_t kept)
{
	const VkSparseImageMemoryBind *bind = &join->out[index];
	struct box box, bind_box;

	while (*next < above->count && above->keys[*next].key < place) {
		(*next)++;
	}
	if (*next < above->count && above->keys[*next].key == place) {
		VkSparseImageMemoryBind *other = &join->out[above->keys[*next].index];
		locate(join, other, &box);
		locate(join, bind, &bind_box);
		if (continues(join->blocks, other, bind, &box, &bind_box, axis)) {
			extend(other, bind, axis);
			group->keys[group->count++] = above->keys[*next];
			return kept;
		}
	}
	group->keys[group->count++] = (struct vmb_sort_key){ place, kept };
	join->out[kept] = *bind;
	return kept + 1;
}

/* Joins the sorted binds of out along y or z. */
static void join_along(struct join *join, enum axis axis)
{
	const unsigned lower_bits = (unsigned)axis * COORDINATE_BITS;
	struct group above = { .keys = join->keys };
	struct group group = { .keys = join->keys + join->given_count };
	uint32_t kept = 0, next = 0;
	struct box box;

	for (uint32_t i = 0; i < join->count; i++) {
		locate(join, &join->out[i], &box);
		uint64_t key = key_of(&join->out[i], &box);
		if (i == 0 || key >> lower_bits != group.place) {
			struct group reused = above;
			above = group;
			group = (struct group){ .keys = reused.keys, .place = key >> lower_bits };
			next = 0;
		}
		uint64_t place = key & ((UINT64_C(1) << lower_bits) - 1);
		kept = add_to_group(join, axis, &above, &next, &group, place, i, kept);
	}
	join->count = kept;
}

uint32_t vmb_merge_image_binds(const struct vmb_merge_blocks *blocks,
	const VkSparseImageMemoryBind *binds, uint32_t count, struct vmb_sort_key *keys,
	VkSparseImageMemoryBind *out)
{
	struct join join = {
		.blocks = blocks, .given = binds, .given_count = count, .keys = keys, .out = out
	};

	enum outcome outcome = blocks->bytes ? join_rows(&join, false) : UNKNOWN;
	if (outcome == UNSORTED && sort(&join)) {
		outcome = join_rows(&join, true);
	}
	if (outcome != DONE) {
		return 0;
	}
	join_along(&join, Y);
	join_along(&join, Z);
	return join.count;
}
