/* SPDX-License-Identifier: MIT */
#include "observe/resource.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "plan/residency.h"

/*
 * A part of an image with sparse residency: one level of one layer, or a mip tail. Vulkan does not
 * show the order of the blocks in the image. So the trace invents offsets: the parts follow each
 * other, and the blocks of a part are in row order.
 */
struct part {
	VkImageAspectFlags aspect;
	uint32_t layer;
	uint32_t level; /* of a tail: its first level */
	bool is_tail;
	uint64_t start; /* offset in the trace, in bytes */
	uint64_t size; /* bytes */
	uint64_t opaque_offset; /* tail only: its resourceOffset in opaque binds */
	VkExtent3D block; /* texels */
	VkExtent3D count; /* blocks of the level */
};

struct vmb_observed_resource {
	const char *kind; /* "buffer" or "image" */
	uint64_t handle;
	uint64_t block_size;
	struct part *parts;
	size_t part_count; /* 0 if the trace uses the offsets of the binds */
	/* Guards residency: several queues may bind at once. */
	pthread_mutex_t lock;
	struct vmb_residency residency;
};

/* A range that was bound, with its offset in the trace. */
struct range {
	uint64_t offset;
	uint64_t size;
	VkDeviceMemory memory;
	uint64_t memory_offset;
};

void vmb_observed_resources_init(struct vmb_observe *observe)
{
	vmb_map_init(&observe->buffers);
	vmb_map_init(&observe->images);
}

static void destroy(struct vmb_observe *observe, struct vmb_observed_resource *resource)
{
	vmb_trace_add(observe->trace, VMB_TRACE_BYTES_BOUND,
		-(int64_t)vmb_residency_bound(&resource->residency));
	vmb_residency_finish(&resource->residency);
	pthread_mutex_destroy(&resource->lock);
	free(resource->parts);
	free(resource);
}

void vmb_observed_resources_finish(struct vmb_observe *observe)
{
	struct vmb_observed_resource *resource;

	while ((resource = vmb_map_pop(&observe->buffers)) ||
		(resource = vmb_map_pop(&observe->images))) {
		destroy(observe, resource);
	}
	vmb_map_finish(&observe->buffers);
	vmb_map_finish(&observe->images);
}

/* NULL if memory is short. */
static struct vmb_observed_resource *create(struct vmb_observe *observe, struct vmb_map *map,
	const char *kind, uint64_t handle, uint64_t block_size)
{
	struct vmb_observed_resource *resource = calloc(1, sizeof(*resource));

	if (!resource) {
		return NULL;
	}
	resource->kind = kind;
	resource->handle = handle;
	resource->block_size = block_size;
	pthread_mutex_init(&resource->lock, NULL);
	vmb_residency_init(&resource->residency);
	if (vmb_map_insert(map, handle, resource) < 0) {
		destroy(observe, resource);
		return NULL;
	}
	return resource;
}

static void describe(const VkMemoryRequirements *requirements, struct vmb_trace_slice *slice)
{
	vmb_trace_number(&slice->args, "required", requirements->size);
	vmb_trace_number(&slice->args, "alignment", requirements->alignment);
}

void vmb_observed_buffer_add(
	struct vmb_observe *observe, VkBuffer buffer, struct vmb_trace_slice *slice)
{
	VkMemoryRequirements requirements;

	observe->next.GetBufferMemoryRequirements(observe->device->handle, buffer, &requirements);
	describe(&requirements, slice);
	vmb_trace_text(&slice->args, "sparse", "binding");
	create(observe, &observe->buffers, "buffer", (uint64_t)buffer, requirements.alignment);
}

static uint32_t minified(uint32_t extent, uint32_t level)
{
	uint32_t size = level < 32 ? extent >> level : 0;

	return size ? size : 1;
}

static uint32_t blocks(uint32_t extent, uint32_t level, uint32_t block)
{
	return block ? (minified(extent, level) + block - 1) / block : 0;
}

static struct part level_part(const VkImageCreateInfo *info,
	const VkSparseImageMemoryRequirements *requirements, uint32_t layer, uint32_t level)
{
	VkExtent3D block = requirements->formatProperties.imageGranularity;

	return (struct part){
		.aspect = requirements->formatProperties.aspectMask,
		.layer = layer,
		.level = level,
		.block = block,
		.count = {
			blocks(info->extent.width, level, block.width),
			blocks(info->extent.height, level, block.height),
			blocks(info->extent.depth, level, block.depth),
		},
	};
}

static struct part tail_part(const VkImageCreateInfo *info,
	const VkSparseImageMemoryRequirements *requirements, uint32_t layer)
{
	struct part part = level_part(
		info, requirements, layer, requirements->imageMipTailFirstLod);

	part.is_tail = true;
	part.size = requirements->imageMipTailSize;
	part.opaque_offset = requirements->imageMipTailOffset +
		layer * requirements->imageMipTailStride;
	return part;
}

static void add_part(struct vmb_observed_resource *resource, const struct part *part)
{
	struct part *added = &resource->parts[resource->part_count];
	const struct part *last = resource->part_count ? added - 1 : NULL;

	*added = *part;
	added->start = last ? last->start + last->size : 0;
	if (!part->is_tail) {
		added->size = (uint64_t)part->count.width * part->count.height * part->count.depth *
			resource->block_size;
	}
	if (added->size) {
		resource->part_count++;
	}
}

/* Adds the parts of one aspect. */
static void add_parts(struct vmb_observed_resource *resource, const VkImageCreateInfo *info,
	const VkSparseImageMemoryRequirements *requirements)
{
	bool has_one_tail = requirements->formatProperties.flags &
		VK_SPARSE_IMAGE_FORMAT_SINGLE_MIPTAIL_BIT;

	for (uint32_t layer = 0; layer < info->arrayLayers; layer++) {
		uint32_t level = 0;
		for (; level < info->mipLevels && level < requirements->imageMipTailFirstLod;
			level++) {
			struct part part = level_part(info, requirements, layer, level);
			add_part(resource, &part);
		}
		if (level < info->mipLevels && (layer == 0 || !has_one_tail)) {
			struct part part = tail_part(info, requirements, layer);
			add_part(resource, &part);
		}
	}
}

static void trace_parts(struct vmb_trace *trace, const struct vmb_observed_resource *resource)
{
	for (size_t i = 0; i < resource->part_count; i++) {
		const struct part *part = &resource->parts[i];
		struct vmb_trace_args args = { 0 };
		vmb_trace_hex(&args, "image", resource->handle);
		vmb_trace_number(&args, "offset", part->start);
		vmb_trace_number(&args, "size", part->size);
		vmb_trace_number(&args, "aspect", part->aspect);
		vmb_trace_number(&args, "layer", part->layer);
		vmb_trace_number(&args, "level", part->level);
		vmb_trace_instant(trace, part->is_tail ? "mip tail" : "level", &args);
	}
}

#define MOST_ASPECTS 4

static void find_parts(struct vmb_observe *observe, VkImage image, const VkImageCreateInfo *info,
	struct vmb_observed_resource *resource)
{
	VkSparseImageMemoryRequirements requirements[MOST_ASPECTS];
	uint32_t count = MOST_ASPECTS;

	observe->next.GetImageSparseMemoryRequirements(
		observe->device->handle, image, &count, requirements);
	size_t most = (size_t)count * info->arrayLayers * (info->mipLevels + (size_t)1);
	resource->parts = count ? calloc(most, sizeof(*resource->parts)) : NULL;
	for (uint32_t i = 0; resource->parts && i < count; i++) {
		add_parts(resource, info, &requirements[i]);
	}
	trace_parts(observe->trace, resource);
}

void vmb_observed_image_add(struct vmb_observe *observe, VkImage image,
	const VkImageCreateInfo *info, struct vmb_trace_slice *slice)
{
	bool has_parts = info->flags & VK_IMAGE_CREATE_SPARSE_RESIDENCY_BIT;
	VkMemoryRequirements requirements;

	observe->next.GetImageMemoryRequirements(observe->device->handle, image, &requirements);
	describe(&requirements, slice);
	vmb_trace_text(&slice->args, "sparse", has_parts ? "residency" : "binding");
	struct vmb_observed_resource *resource = create(
		observe, &observe->images, "image", (uint64_t)image, requirements.alignment);
	if (resource && has_parts) {
		find_parts(observe, image, info, resource);
	}
}

void vmb_observed_buffer_remove(struct vmb_observe *observe, VkBuffer buffer)
{
	struct vmb_observed_resource *resource = vmb_map_remove(
		&observe->buffers, (uint64_t)buffer);

	if (resource) {
		destroy(observe, resource);
	}
}

void vmb_observed_image_remove(struct vmb_observe *observe, VkImage image)
{
	struct vmb_observed_resource *resource = vmb_map_remove(&observe->images, (uint64_t)image);

	if (resource) {
		destroy(observe, resource);
	}
}

static void count_range(struct vmb_observe *observe, struct vmb_observed_resource *resource,
	const struct range *range)
{
	const struct vmb_op op = {
		.kind = range->memory ? VMB_OP_MAP : VMB_OP_SPARSE,
		.va = range->offset,
		.size = range->size,
		.offset = range->memory_offset,
		.backing = 1,
	};

	pthread_mutex_lock(&resource->lock);
	uint64_t before = vmb_residency_bound(&resource->residency);
	if (vmb_residency_reserve(&resource->residency) == 0) {
		vmb_residency_apply(&resource->residency, &op);
	}
	uint64_t after = vmb_residency_bound(&resource->residency);
	pthread_mutex_unlock(&resource->lock);
	vmb_trace_add(observe->trace, VMB_TRACE_BYTES_BOUND, (int64_t)(after - before));
}

static void trace_range(struct vmb_observe *observe, struct vmb_observed_resource *resource,
	const struct part *part, const struct range *range)
{
	struct vmb_trace_args args = { 0 };

	vmb_trace_hex(&args, resource->kind, resource->handle);
	vmb_trace_number(&args, "offset", range->offset);
	vmb_trace_number(&args, "size", range->size);
	if (part) {
		vmb_trace_number(&args, "aspect", part->aspect);
		vmb_trace_number(&args, "layer", part->layer);
		vmb_trace_number(&args, "level", part->level);
	}
	if (range->memory) {
		vmb_trace_hex(&args, "memory", (uint64_t)range->memory);
		vmb_trace_number(&args, "memory_offset", range->memory_offset);
	}
	vmb_trace_instant(observe->trace, range->memory ? "bind" : "unbind", &args);
	count_range(observe, resource, range);
}

/* Traces the pieces of a bind that lie in mip tails. */
static void trace_tails(struct vmb_observe *observe, struct vmb_observed_resource *resource,
	const VkSparseMemoryBind *bind)
{
	uint64_t bind_end = bind->resourceOffset + bind->size;

	for (size_t i = 0; i < resource->part_count; i++) {
		const struct part *part = &resource->parts[i];
		uint64_t part_end = part->opaque_offset + part->size;
		if (!part->is_tail || bind->resourceOffset >= part_end ||
			bind_end <= part->opaque_offset) {
			continue;
		}
		uint64_t start = bind->resourceOffset > part->opaque_offset ? bind->resourceOffset
									    : part->opaque_offset;
		const struct range range = {
			.offset = part->start + (start - part->opaque_offset),
			.size = (bind_end < part_end ? bind_end : part_end) - start,
			.memory = bind->memory,
			.memory_offset = bind->memoryOffset + (start - bind->resourceOffset),
		};
		trace_range(observe, resource, part, &range);
	}
}

static void trace_binds(struct vmb_observe *observe, struct vmb_observed_resource *resource,
	uint32_t count, const VkSparseMemoryBind *binds)
{
	for (uint32_t i = 0; resource && i < count; i++) {
		const struct range range = {
			.offset = binds[i].resourceOffset,
			.size = binds[i].size,
			.memory = binds[i].memory,
			.memory_offset = binds[i].memoryOffset,
		};
		if (resource->part_count) {
			trace_tails(observe, resource, &binds[i]);
		} else {
			trace_range(observe, resource, NULL, &range);
		}
	}
}

/* Also finds a mip tail: some drivers report the only level of an image as a tail, and still accept
 * binds of its blocks. */
static const struct part *find_level(
	const struct vmb_observed_resource *resource, const VkImageSubresource *subresource)
{
	for (size_t i = 0; i < resource->part_count; i++) {
		const struct part *part = &resource->parts[i];
		if ((part->aspect & subresource->aspectMask) && part->count.depth &&
			part->layer == subresource->arrayLayer &&
			part->level == subresource->mipLevel) {
			return part;
		}
	}
	return NULL;
}

/*
 * A bind assigns memory to the blocks of its region in row order, slice by slice. Rows of the
 * region that follow each other in the trace's offsets become one range.
 */
static void trace_blocks(struct vmb_observe *observe, struct vmb_observed_resource *resource,
	const VkSparseImageMemoryBind *bind)
{
	const struct part *part = find_level(resource, &bind->subresource);
	uint64_t end = part ? part->start + part->size : 0;
	struct range range = { .memory = bind->memory, .memory_offset = bind->memoryOffset };

	if (!part) {
		return;
	}
	uint32_t x = (uint32_t)bind->offset.x / part->block.width;
	uint32_t y = (uint32_t)bind->offset.y / part->block.height;
	uint32_t z = (uint32_t)bind->offset.z / part->block.depth;
	uint64_t width = blocks(bind->extent.width, 0, part->block.width) * resource->block_size;
	uint32_t height = blocks(bind->extent.height, 0, part->block.height);
	uint32_t depth = blocks(bind->extent.depth, 0, part->block.depth);
	for (uint32_t row = 0; row < height * depth; row++) {
		uint64_t line = (uint64_t)(z + row / height) * part->count.height + y +
			row % height;
		uint64_t offset = part->start +
			(line * part->count.width + x) * resource->block_size;
		if (offset + width > end) {
			break;
		}
		if (range.size && range.offset + range.size != offset) {
			trace_range(observe, resource, part, &range);
			range.memory_offset += range.size;
			range.size = 0;
		}
		if (!range.size) {
			range.offset = offset;
		}
		range.size += width;
	}
	if (range.size) {
		trace_range(observe, resource, part, &range);
	}
}

void vmb_observed_bound(struct vmb_observe *observe, const VkBindSparseInfo *info)
{
	struct vmb_observed_resource *resource;

	for (uint32_t i = 0; i < info->bufferBindCount; i++) {
		const VkSparseBufferMemoryBindInfo *bind = &info->pBufferBinds[i];
		resource = vmb_map_find(&observe->buffers, (uint64_t)bind->buffer);
		trace_binds(observe, resource, bind->bindCount, bind->pBinds);
	}
	for (uint32_t i = 0; i < info->imageOpaqueBindCount; i++) {
		const VkSparseImageOpaqueMemoryBindInfo *bind = &info->pImageOpaqueBinds[i];
		resource = vmb_map_find(&observe->images, (uint64_t)bind->image);
		trace_binds(observe, resource, bind->bindCount, bind->pBinds);
	}
	for (uint32_t i = 0; i < info->imageBindCount; i++) {
		const VkSparseImageMemoryBindInfo *bind = &info->pImageBinds[i];
		resource = vmb_map_find(&observe->images, (uint64_t)bind->image);
		for (uint32_t j = 0; resource && j < bind->bindCount; j++) {
			trace_blocks(observe, resource, &bind->pBinds[j]);
		}
	}
}
