/* SPDX-License-Identifier: MIT */
#include "icd.h"

#include <stdlib.h>
#include <string.h>

/*
 * Images with SPARSE_BINDING: opaque binds, binds in pieces, rebinds to other memory and back.
 * Copies between images and buffers write and read the texels.
 */

/* The layout of a format's texels in a buffer. */
struct format {
	VkFormat format;
	VkImageAspectFlags aspect;
	uint32_t block_size; /* bytes */
	uint32_t block_extent; /* texels along an edge */
	/* Copies of float formats may change some bit patterns. */
	bool is_float;
};

static const struct format r8 = { VK_FORMAT_R8_UNORM, VK_IMAGE_ASPECT_COLOR_BIT, 1, 1, false };
static const struct format rgba8 = { VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_ASPECT_COLOR_BIT, 4, 1,
	false };
static const struct format bgra8_srgb = { VK_FORMAT_B8G8R8A8_SRGB, VK_IMAGE_ASPECT_COLOR_BIT, 4, 1,
	false };
static const struct format r16 = { VK_FORMAT_R16_UINT, VK_IMAGE_ASPECT_COLOR_BIT, 2, 1, false };
static const struct format r32 = { VK_FORMAT_R32_UINT, VK_IMAGE_ASPECT_COLOR_BIT, 4, 1, false };
static const struct format rgba32f = { VK_FORMAT_R32G32B32A32_SFLOAT, VK_IMAGE_ASPECT_COLOR_BIT, 16,
	1, true };
static const struct format rgba32 = { VK_FORMAT_R32G32B32A32_UINT, VK_IMAGE_ASPECT_COLOR_BIT, 16, 1,
	false };
static const struct format bc1 = { VK_FORMAT_BC1_RGBA_UNORM_BLOCK, VK_IMAGE_ASPECT_COLOR_BIT, 8, 4,
	false };
static const struct format bc7 = { VK_FORMAT_BC7_UNORM_BLOCK, VK_IMAGE_ASPECT_COLOR_BIT, 16, 4,
	false };
static const struct format d16 = { VK_FORMAT_D16_UNORM, VK_IMAGE_ASPECT_DEPTH_BIT, 2, 1, false };
static const struct format d32 = { VK_FORMAT_D32_SFLOAT, VK_IMAGE_ASPECT_DEPTH_BIT, 4, 1, true };
static const struct format s8 = { VK_FORMAT_S8_UINT, VK_IMAGE_ASPECT_STENCIL_BIT, 1, 1, false };

struct image_case {
	const struct format *format;
	VkImageType type;
	VkExtent3D extent;
	uint32_t levels;
	uint32_t layers;
	VkImageTiling tiling;
	VkImageCreateFlags flags;
};

#define OPTIMAL VK_IMAGE_TILING_OPTIMAL
#define LINEAR VK_IMAGE_TILING_LINEAR

static VkImageCreateInfo image_info(const struct image_case *c)
{
	return (VkImageCreateInfo){
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = c->flags | VK_IMAGE_CREATE_SPARSE_BINDING_BIT,
		.imageType = c->type,
		.format = c->format->format,
		.extent = c->extent,
		.mipLevels = c->levels,
		.arrayLayers = c->layers,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.tiling = c->tiling,
		.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
}

static uint32_t at_least_one(uint32_t size, uint32_t level)
{
	return size >> level ? size >> level : 1;
}

static uint32_t blocks(const struct format *format, uint32_t texels)
{
	return (texels + format->block_extent - 1) / format->block_extent;
}

static VkExtent3D level_extent(const struct image_case *c, uint32_t level)
{
	return (VkExtent3D){
		at_least_one(c->extent.width, level),
		at_least_one(c->extent.height, level),
		at_least_one(c->extent.depth, level),
	};
}

/* The size in bytes of one level, with all layers, in a buffer. */
static VkDeviceSize level_size(const struct image_case *c, uint32_t level)
{
	VkExtent3D e = level_extent(c, level);

	return (VkDeviceSize)blocks(c->format, e.width) * blocks(c->format, e.height) * e.depth *
		c->layers * c->format->block_size;
}

/* The offset of a level in the buffer; for level == levels the total size. */
static VkDeviceSize level_offset(const struct image_case *c, uint32_t level)
{
	VkDeviceSize offset = 0;

	for (uint32_t i = 0; i < level; i++) {
		/* Buffer offsets are multiples of the block size and of four. */
		offset += (level_size(c, i) + 15) & ~(VkDeviceSize)15;
	}
	return offset;
}

/* One region for each level. */
#define MAX_LEVELS 16
static void copy_regions(const struct image_case *c, VkBufferImageCopy *regions)
{
	for (uint32_t i = 0; i < c->levels; i++) {
		regions[i] = (VkBufferImageCopy){
			.bufferOffset = level_offset(c, i),
			.imageSubresource = {
				.aspectMask = c->format->aspect,
				.mipLevel = i,
				.layerCount = c->layers,
			},
			.imageExtent = level_extent(c, i),
		};
	}
}

/* A pattern has no short period. Two patterns differ at every texel. */
static void make_pattern(const struct image_case *c, struct vku_buffer *buffer, uint32_t seed)
{
	unsigned char *bytes = buffer->map;

	if (c->format->is_float) {
		float *floats = buffer->map;
		for (VkDeviceSize i = 0; i < buffer->size / sizeof(float); i++) {
			floats[i] = (float)((i * 31 % 8192) * 4 + seed) / 65536;
		}
		return;
	}
	for (VkDeviceSize i = 0; i < buffer->size; i++) {
		bytes[i] = (unsigned char)((((i * 2654435761u) >> 16) & 0xfc) + seed);
	}
}

struct sparse_image {
	const struct image_case *c;
	VkImage image;
	VkMemoryRequirements requirements;
	VkBufferImageCopy regions[MAX_LEVELS];
	VkDeviceSize buffer_size;
};

static bool is_supported(const struct vku *vk, const VkImageCreateInfo *info)
{
	VkImageFormatProperties properties;
	VkResult result = vkGetPhysicalDeviceImageFormatProperties(vk->physical, info->format,
		info->imageType, info->tiling, info->usage, info->flags, &properties);

	if (result == VK_ERROR_FORMAT_NOT_SUPPORTED) {
		return false;
	}
	VKU_CHECK(result);
	return info->mipLevels <= properties.maxMipLevels &&
		info->arrayLayers <= properties.maxArrayLayers;
}

static void sparse_image_init(
	const struct vku *vk, struct sparse_image *image, const struct image_case *c)
{
	VkImageCreateInfo info = image_info(c);

	*image = (struct sparse_image){ .c = c };
	if (!is_supported(vk, &info)) {
		/* The driver refuses the same image without the sparse flag, too. */
		info.flags &= ~(VkImageCreateFlags)VK_IMAGE_CREATE_SPARSE_BINDING_BIT;
		EXPECT(!is_supported(vk, &info));
		skip();
	}
	VKU_CHECK(vkCreateImage(vk->device, &info, NULL, &image->image));
	vkGetImageMemoryRequirements(vk->device, image->image, &image->requirements);
	EXPECT(image->requirements.size > 0);
	EXPECT_EQ(image->requirements.size % image->requirements.alignment, 0);
	copy_regions(c, image->regions);
	image->buffer_size = level_offset(c, c->levels);
}

/* The layout stays GENERAL, so rebinds keep the contents. */
static void prepare_layout(const struct vku *vk, const struct sparse_image *image)
{
	const VkImageMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
		.dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
		.oldLayout = VK_IMAGE_LAYOUT_UNDEFINED,
		.newLayout = VK_IMAGE_LAYOUT_GENERAL,
		.srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.image = image->image,
		.subresourceRange = {
			.aspectMask = image->c->format->aspect,
			.levelCount = VK_REMAINING_MIP_LEVELS,
			.layerCount = VK_REMAINING_ARRAY_LAYERS,
		},
	};
	VkCommandBuffer commands = vku_begin(vk);

	vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT,
		VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0, NULL, 0, NULL, 1, &barrier);
	vku_submit(vk, commands);
}

static void upload(
	const struct vku *vk, const struct sparse_image *image, const struct vku_buffer *from)
{
	VkCommandBuffer commands = vku_begin(vk);

	vkCmdCopyBufferToImage(commands, from->buffer, image->image, VK_IMAGE_LAYOUT_GENERAL,
		image->c->levels, image->regions);
	vku_submit(vk, commands);
}

static void download(
	const struct vku *vk, const struct sparse_image *image, const struct vku_buffer *to)
{
	VkCommandBuffer commands = vku_begin(vk);

	memset(to->map, 0xee, to->size);
	vkCmdCopyImageToBuffer(commands, image->image, VK_IMAGE_LAYOUT_GENERAL, to->buffer,
		image->c->levels, image->regions);
	vku_submit(vk, commands);
}

/* Returns whether two buffers have equal texels. Gaps between levels are ignored. */
static bool same_texels(
	const struct sparse_image *image, const struct vku_buffer *a, const struct vku_buffer *b)
{
	for (uint32_t i = 0; i < image->c->levels; i++) {
		VkDeviceSize offset = level_offset(image->c, i);
		if (memcmp((char *)a->map + offset, (char *)b->map + offset,
			    level_size(image->c, i)) != 0) {
			return false;
		}
	}
	return true;
}

static void expect_texels(const struct vku *vk, const struct sparse_image *image,
	const struct vku_buffer *expected, const struct vku_buffer *result)
{
	download(vk, image, result);
	EXPECT(same_texels(image, expected, result));
}

/* Binds an image to [offset, offset + image size) of memory, in up to three pieces. The last piece
 * comes first. */
static void bind_in_pieces(const struct vku *vk, const struct sparse_image *image,
	VkDeviceMemory memory, VkDeviceSize offset)
{
	VkDeviceSize page = image->requirements.alignment;
	VkDeviceSize pages = image->requirements.size / page;
	const VkDeviceSize cuts[] = { 0, pages / 3, pages / 3 * 2, pages };
	VkSparseMemoryBind binds[3];
	uint32_t count = 0;

	for (int i = 2; i >= 0; i--) {
		if (cuts[i] == cuts[i + 1]) {
			continue;
		}
		binds[count++] = (VkSparseMemoryBind){
			.resourceOffset = cuts[i] * page,
			.size = (cuts[i + 1] - cuts[i]) * page,
			.memory = memory,
			.memoryOffset = offset + cuts[i] * page,
		};
	}
	vku_bind_image(vk, image->image, binds, count);
}

/* The first page of an image and its other pages are bound to two memories. Each texel is from one
 * of them. The first page is not half the image: SwiftShader appends a decompressed copy to the
 * texels of a compressed image. */
static void check_two_memories(const struct vku *vk, const struct sparse_image *image,
	VkDeviceMemory other, const struct vku_buffer *pattern,
	const struct vku_buffer *other_pattern, const struct vku_buffer *result)
{
	VkDeviceSize page = image->requirements.alignment;
	const VkSparseMemoryBind bind = { .size = page, .memory = other };
	VkDeviceSize from_one = 0, from_other = 0;

	if (image->requirements.size == page) {
		return;
	}
	vku_bind_image(vk, image->image, &bind, 1);
	download(vk, image, result);
	for (uint32_t level = 0; level < image->c->levels; level++) {
		VkDeviceSize start = level_offset(image->c, level);
		uint32_t size = image->c->format->block_size;
		for (VkDeviceSize i = 0; i < level_size(image->c, level); i += size) {
			const char *got = (char *)result->map + start + i;
			if (memcmp(got, (char *)pattern->map + start + i, size) == 0) {
				from_one++;
			} else {
				EXPECT(memcmp(got, (char *)other_pattern->map + start + i, size) ==
					0);
				from_other++;
			}
		}
	}
	EXPECT(from_one > 0);
	EXPECT(from_other > 0);
}

static void contents_are_where_they_are_bound(void **state)
{
	struct vku *vk = *state;
	struct sparse_image image;
	struct vku_buffer first, second, result;

	sparse_image_init(vk, &image, icd_parameter(state));
	const VkMemoryRequirements *r = &image.requirements;
	VkDeviceMemory a = vku_allocate(vk, r->size + r->alignment, r->memoryTypeBits);
	VkDeviceMemory b = vku_allocate(vk, r->size, r->memoryTypeBits);
	vku_buffer_init(vk, &first, image.buffer_size);
	vku_buffer_init(vk, &second, image.buffer_size);
	vku_buffer_init(vk, &result, image.buffer_size);
	make_pattern(image.c, &first, 1);
	make_pattern(image.c, &second, 2);

	bind_in_pieces(vk, &image, a, r->alignment);
	prepare_layout(vk, &image);
	upload(vk, &image, &first);
	expect_texels(vk, &image, &first, &result);

	bind_in_pieces(vk, &image, b, 0);
	upload(vk, &image, &second);
	expect_texels(vk, &image, &second, &result);

	bind_in_pieces(vk, &image, a, r->alignment);
	expect_texels(vk, &image, &first, &result);
	check_two_memories(vk, &image, b, &first, &second, &result);

	vkDestroyImage(vk->device, image.image, NULL);
	vkFreeMemory(vk->device, a, NULL);
	vkFreeMemory(vk->device, b, NULL);
	vku_buffer_finish(vk, &first);
	vku_buffer_finish(vk, &second);
	vku_buffer_finish(vk, &result);
}

/* vkGetImageSubresourceLayout locates a linear image's texels in the mapped memory. */
static void linear_layout_in_memory(void **state)
{
	static const struct image_case c = { &r32, VK_IMAGE_TYPE_2D, { 300, 100, 1 }, 1, 1, LINEAR,
		0 };
	const VkImageSubresource subresource = { .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT };
	struct vku *vk = *state;
	struct sparse_image image;
	struct vku_buffer pattern;
	VkSubresourceLayout layout;

	sparse_image_init(vk, &image, &c);
	VkDeviceMemory memory = vku_allocate(
		vk, image.requirements.size, image.requirements.memoryTypeBits);
	const char *map = vku_map(vk, memory);
	bind_in_pieces(vk, &image, memory, 0);
	prepare_layout(vk, &image);
	vku_buffer_init(vk, &pattern, image.buffer_size);
	make_pattern(&c, &pattern, 3);
	upload(vk, &image, &pattern);
	vkGetImageSubresourceLayout(vk->device, image.image, &subresource, &layout);
	for (uint32_t y = 0; y < c.extent.height; y++) {
		size_t row = c.extent.width * sizeof(uint32_t);
		EXPECT(memcmp(map + layout.offset + y * layout.rowPitch,
			       (char *)pattern.map + y * row, row) == 0);
	}
	vkDestroyImage(vk->device, image.image, NULL);
	vkFreeMemory(vk->device, memory, NULL);
	vku_buffer_finish(vk, &pattern);
}

/* Clears an image with four samples, resolves it and reads the result. */
static void multisampled(void **state)
{
	static const struct image_case one = { &rgba8, VK_IMAGE_TYPE_2D, { 128, 128, 1 }, 1, 1,
		OPTIMAL, 0 };
	struct vku *vk = *state;
	struct sparse_image image, resolved;
	struct vku_buffer result;
	VkImageCreateInfo info = image_info(&one);
	const VkImageSubresourceLayers layer = {
		.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT,
		.layerCount = 1,
	};

	info.samples = VK_SAMPLE_COUNT_4_BIT;
	info.usage |= VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT;
	sparse_image_init(vk, &resolved, &one);
	image = resolved;
	VKU_CHECK(vkCreateImage(vk->device, &info, NULL, &image.image));
	vkGetImageMemoryRequirements(vk->device, image.image, &image.requirements);
	VkDeviceMemory memory = vku_allocate(vk,
		image.requirements.size + resolved.requirements.size,
		image.requirements.memoryTypeBits & resolved.requirements.memoryTypeBits);
	bind_in_pieces(vk, &image, memory, 0);
	bind_in_pieces(vk, &resolved, memory, image.requirements.size);
	prepare_layout(vk, &image);
	prepare_layout(vk, &resolved);

	const VkClearColorValue color = { .float32 = { 1, 0, 1, 0 } };
	const VkImageSubresourceRange range = {
		.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT,
		.levelCount = 1,
		.layerCount = 1,
	};
	const VkImageResolve region = {
		.srcSubresource = layer,
		.dstSubresource = layer,
		.extent = one.extent,
	};
	VkCommandBuffer commands = vku_begin(vk);
	vkCmdClearColorImage(commands, image.image, VK_IMAGE_LAYOUT_GENERAL, &color, 1, &range);
	vku_barrier(commands);
	vkCmdResolveImage(commands, image.image, VK_IMAGE_LAYOUT_GENERAL, resolved.image,
		VK_IMAGE_LAYOUT_GENERAL, 1, &region);
	vku_submit(vk, commands);

	vku_buffer_init(vk, &result, resolved.buffer_size);
	download(vk, &resolved, &result);
	for (VkDeviceSize i = 0; i < result.size / sizeof(uint32_t); i++) {
		EXPECT_EQ(((uint32_t *)result.map)[i], 0x00ff00ff);
	}
	vku_buffer_finish(vk, &result);
	vkDestroyImage(vk->device, image.image, NULL);
	vkDestroyImage(vk->device, resolved.image, NULL);
	vkFreeMemory(vk->device, memory, NULL);
}

/* Two images are bound to the same memory. */
static void aliased_images(void **state)
{
	static const struct image_case c = { &rgba8, VK_IMAGE_TYPE_2D, { 256, 256, 1 }, 1, 1,
		OPTIMAL, VK_IMAGE_CREATE_SPARSE_ALIASED_BIT | VK_IMAGE_CREATE_ALIAS_BIT };
	struct vku *vk = *state;
	struct sparse_image a, b;
	struct vku_buffer pattern, result;

	sparse_image_init(vk, &a, &c);
	sparse_image_init(vk, &b, &c);
	VkDeviceMemory memory = vku_allocate(
		vk, a.requirements.size, a.requirements.memoryTypeBits);
	bind_in_pieces(vk, &a, memory, 0);
	bind_in_pieces(vk, &b, memory, 0);
	prepare_layout(vk, &a);
	prepare_layout(vk, &b);
	vku_buffer_init(vk, &pattern, a.buffer_size);
	vku_buffer_init(vk, &result, a.buffer_size);
	make_pattern(&c, &pattern, 2);
	upload(vk, &a, &pattern);
	expect_texels(vk, &b, &pattern, &result);
	vku_buffer_finish(vk, &pattern);
	vku_buffer_finish(vk, &result);
	vkDestroyImage(vk->device, a.image, NULL);
	vkDestroyImage(vk->device, b.image, NULL);
	vkFreeMemory(vk->device, memory, NULL);
}

/* One batch binds an image and a buffer. */
static void images_and_buffers_together(void **state)
{
	static const struct image_case c = { &r32, VK_IMAGE_TYPE_2D, { 200, 200, 1 }, 1, 1, OPTIMAL,
		0 };
	struct vku *vk = *state;
	struct sparse_image image;
	struct vku_buffer pattern, result;
	struct icd_pages p;
	VkFence fence = vku_create_fence(vk);

	sparse_image_init(vk, &image, &c);
	icd_pages_init(vk, &p, 4, 4);
	VkDeviceMemory memory = vku_allocate(
		vk, image.requirements.size, image.requirements.memoryTypeBits);
	const VkSparseMemoryBind image_bind = { .size = image.requirements.size, .memory = memory };
	const VkSparseMemoryBind buffer_bind = icd_page_bind(&p, 1, 1, 3);
	const VkSparseImageOpaqueMemoryBindInfo image_binds = { image.image, 1, &image_bind };
	const VkSparseBufferMemoryBindInfo buffer_binds = { p.buffer, 1, &buffer_bind };
	const VkBindSparseInfo batch = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.bufferBindCount = 1,
		.pBufferBinds = &buffer_binds,
		.imageOpaqueBindCount = 1,
		.pImageOpaqueBinds = &image_binds,
	};
	VKU_CHECK(vkQueueBindSparse(vk->queue, 1, &batch, fence));
	VKU_CHECK(vkWaitForFences(vk->device, 1, &fence, VK_TRUE, UINT64_MAX));

	icd_expect_page(vk, &p, 1, icd_stamp(3));
	prepare_layout(vk, &image);
	vku_buffer_init(vk, &pattern, image.buffer_size);
	vku_buffer_init(vk, &result, image.buffer_size);
	make_pattern(&c, &pattern, 1);
	upload(vk, &image, &pattern);
	expect_texels(vk, &image, &pattern, &result);
	vku_buffer_finish(vk, &pattern);
	vku_buffer_finish(vk, &result);
	vkDestroyFence(vk->device, fence, NULL);
	vkDestroyImage(vk->device, image.image, NULL);
	vkFreeMemory(vk->device, memory, NULL);
	icd_pages_finish(vk, &p);
}

int main(int argc, char **argv)
{
#define IMAGE(name, ...) \
	SCENARIO_FOR(contents_are_where_they_are_bound, \
		(&(const struct image_case){ __VA_ARGS__ }), name)
#define TYPE_1D VK_IMAGE_TYPE_1D
#define TYPE_2D VK_IMAGE_TYPE_2D
#define TYPE_3D VK_IMAGE_TYPE_3D
#define CUBE VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT
#define MUTABLE VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT
#define ALIASED VK_IMAGE_CREATE_SPARSE_ALIASED_BIT
	const struct CMUnitTest tests[] = {
		IMAGE("one texel", &rgba8, TYPE_2D, { 1, 1, 1 }, 1, 1, OPTIMAL, 0),
		IMAGE("r8", &r8, TYPE_2D, { 500, 270, 1 }, 1, 1, OPTIMAL, 0),
		IMAGE("rgba8", &rgba8, TYPE_2D, { 512, 512, 1 }, 1, 1, OPTIMAL, 0),
		IMAGE("bgra8_srgb", &bgra8_srgb, TYPE_2D, { 333, 77, 1 }, 1, 1, OPTIMAL, 0),
		IMAGE("r16", &r16, TYPE_2D, { 512, 128, 1 }, 1, 1, OPTIMAL, 0),
		IMAGE("rgba32f", &rgba32f, TYPE_2D, { 128, 128, 1 }, 1, 1, OPTIMAL, 0),
		IMAGE("rgba32", &rgba32, TYPE_2D, { 100, 100, 1 }, 1, 1, OPTIMAL, 0),
		IMAGE("bc1", &bc1, TYPE_2D, { 512, 512, 1 }, 1, 1, OPTIMAL, 0),
		IMAGE("bc7 levels", &bc7, TYPE_2D, { 512, 256, 1 }, 5, 1, OPTIMAL, 0),
		IMAGE("d16", &d16, TYPE_2D, { 256, 256, 1 }, 1, 1, OPTIMAL, 0),
		IMAGE("d32", &d32, TYPE_2D, { 256, 256, 1 }, 1, 1, OPTIMAL, 0),
		IMAGE("s8", &s8, TYPE_2D, { 512, 256, 1 }, 1, 1, OPTIMAL, 0),
		IMAGE("levels", &rgba8, TYPE_2D, { 1024, 512, 1 }, 11, 1, OPTIMAL, 0),
		IMAGE("layers", &rgba8, TYPE_2D, { 256, 128, 1 }, 1, 7, OPTIMAL, 0),
		IMAGE("levels and layers", &r32, TYPE_2D, { 128, 128, 1 }, 8, 5, OPTIMAL, 0),
		IMAGE("cube", &rgba8, TYPE_2D, { 128, 128, 1 }, 3, 6, OPTIMAL, CUBE),
		IMAGE("1d", &r32, TYPE_1D, { 4096, 1, 1 }, 4, 3, OPTIMAL, 0),
		IMAGE("3d", &rgba8, TYPE_3D, { 64, 64, 32 }, 1, 1, OPTIMAL, 0),
		IMAGE("3d levels", &r16, TYPE_3D, { 128, 64, 32 }, 6, 1, OPTIMAL, 0),
		IMAGE("mutable format", &rgba8, TYPE_2D, { 256, 256, 1 }, 1, 1, OPTIMAL, MUTABLE),
		IMAGE("aliased", &rgba8, TYPE_2D, { 256, 256, 1 }, 1, 1, OPTIMAL, ALIASED),
		IMAGE("linear r8", &r8, TYPE_2D, { 300, 300, 1 }, 1, 1, LINEAR, 0),
		IMAGE("linear rgba8", &rgba8, TYPE_2D, { 321, 123, 1 }, 1, 1, LINEAR, 0),
		IMAGE("linear rgba32f", &rgba32f, TYPE_2D, { 96, 64, 1 }, 1, 1, LINEAR, 0),
		IMAGE("large", &rgba8, TYPE_2D, { 4096, 2048, 1 }, 1, 1, OPTIMAL, 0),
		SCENARIO(linear_layout_in_memory),
		SCENARIO(multisampled),
		SCENARIO(aliased_images),
		SCENARIO(images_and_buffers_together),
	};

	return ICD_RUN(tests, argc, argv);
}
