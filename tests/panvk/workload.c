/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "mark.h"

/*
 * panvk_workload WORKLOAD... : runs workloads on sparse resources. check_workload.py compares the
 * kernel's op stream with the Vulkan calls. A workload is "single", "table" or the seed of a random
 * workload. The program writes these marks to the op stream:
 *
 *   begin NAME
 *   memory ID SIZE                          the BO of this size before the next mark is memory ID
 *   create                                  the next ops create a resource
 *   buffer ID SIZE ADDRESS | image ID SIZE  the created resource; SIZE from its requirements
 *   bind ID OFFSET SIZE MEMORY OFFSET       a buffer or opaque bind; MEMORY 0 is VK_NULL_HANDLE
 *   binds ID                                many binds in one call; only their ops are counted
 *   blocks ID                               image block binds; Vulkan hides the blocks' addresses
 *   bound                                   the binds are complete
 *   destroy ID
 *   check                                   compare the maps of all resources
 *   none                                    the device has no sparse resources
 */

#define RESOURCES 6
#define MEMORIES 4
#define MEMORY_SIZE (UINT64_C(4) << 20)

struct resource {
	unsigned id; /* 0: none */
	VkBuffer buffer;
	VkImage image;
	VkDeviceSize size;
	VkDeviceSize alignment;
	/* Only of images with sparse residency. */
	VkExtent3D extent;
	VkExtent3D block;
	uint32_t levels; /* before the mip tail */
	VkDeviceSize tail_offset;
	VkDeviceSize tail_size;
};

static struct vku vk;
static VkFence fence;
static bool has_blocks;
static struct resource resources[RESOURCES];
static VkDeviceMemory memories[MEMORIES];
static unsigned last_id;

static unsigned below(unsigned limit)
{
	return (unsigned)rand() % limit;
}

static void create_device(void)
{
	const VkFenceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
	VkPhysicalDeviceFeatures has;

	VKU_CHECK(sparse_device_create(&vk, NULL));
	vkGetPhysicalDeviceFeatures(vk.physical, &has);
	has_blocks = has.sparseResidencyImage2D;
	VKU_CHECK(vkCreateFence(vk.device, &info, NULL, &fence));
}

static void begin(const char *name)
{
	mark("begin %s", name);
	create_device();
	memset(resources, 0, sizeof(resources));
	last_id = 0;
	for (unsigned i = 0; i < MEMORIES; i++) {
		mark("memory %u %llu", i + 1, (unsigned long long)MEMORY_SIZE);
		memories[i] = vku_allocate(&vk, MEMORY_SIZE, ~0u);
	}
	mark("ready");
}

static void destroy(struct resource *resource)
{
	if (!resource->id) {
		return;
	}
	mark("destroy %u", resource->id);
	vkDestroyBuffer(vk.device, resource->buffer, NULL);
	vkDestroyImage(vk.device, resource->image, NULL);
	*resource = (struct resource){ 0 };
	mark("ready");
}

static void end(void)
{
	mark("check");
	for (unsigned i = 0; i < RESOURCES; i++) {
		destroy(&resources[i]);
	}
	mark("check");
	for (unsigned i = 0; i < MEMORIES; i++) {
		vkFreeMemory(vk.device, memories[i], NULL);
	}
	vkDestroyFence(vk.device, fence, NULL);
	sparse_device_destroy(&vk);
}

static void create_buffer(struct resource *resource, VkDeviceSize size)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.flags = VK_BUFFER_CREATE_SPARSE_BINDING_BIT |
			VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT,
		.size = size,
		.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT |
			VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT,
	};

	mark("create");
	VKU_CHECK(vkCreateBuffer(vk.device, &info, NULL, &resource->buffer));
	const VkMemoryRequirements requirements = vku_buffer_requirements(&vk, resource->buffer);
	resource->id = ++last_id;
	resource->size = requirements.size;
	resource->alignment = requirements.alignment;
	mark("buffer %u %llu %llu", resource->id, (unsigned long long)requirements.size,
		(unsigned long long)vku_buffer_address(&vk, resource->buffer));
}

static void read_blocks(struct resource *resource)
{
	VkSparseImageMemoryRequirements requirements[4];
	uint32_t count = 4;

	vkGetImageSparseMemoryRequirements(vk.device, resource->image, &count, requirements);
	for (uint32_t i = 0; i < count; i++) {
		if (requirements[i].formatProperties.aspectMask & VK_IMAGE_ASPECT_COLOR_BIT) {
			resource->block = requirements[i].formatProperties.imageGranularity;
			resource->levels = requirements[i].imageMipTailFirstLod;
			resource->tail_offset = requirements[i].imageMipTailOffset;
			resource->tail_size = requirements[i].imageMipTailSize;
		}
	}
}

static void create_image(struct resource *resource, uint32_t width, uint32_t height, bool mips)
{
	uint32_t levels = 1;

	while (mips && (width >> levels || height >> levels)) {
		levels++;
	}
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT |
			(has_blocks ? (VkImageCreateFlags)VK_IMAGE_CREATE_SPARSE_RESIDENCY_BIT : 0),
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { width, height, 1 },
		.mipLevels = levels,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.tiling = VK_IMAGE_TILING_OPTIMAL,
		.usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	VkMemoryRequirements requirements;

	mark("create");
	VKU_CHECK(vkCreateImage(vk.device, &info, NULL, &resource->image));
	vkGetImageMemoryRequirements(vk.device, resource->image, &requirements);
	resource->id = ++last_id;
	resource->size = requirements.size;
	resource->alignment = requirements.alignment;
	resource->extent = info.extent;
	if (has_blocks) {
		read_blocks(resource);
	}
	mark("image %u %llu", resource->id, (unsigned long long)requirements.size);
}

static void bind_and_wait(const VkBindSparseInfo *info)
{
	VKU_CHECK(vkQueueBindSparse(vk.queue, 1, info, fence));
	VKU_CHECK(vkWaitForFences(vk.device, 1, &fence, VK_TRUE, UINT64_C(10000000000)));
	VKU_CHECK(vkResetFences(vk.device, 1, &fence));
}

static void bind_unmarked(
	const struct resource *resource, const VkSparseMemoryBind *binds, uint32_t count)
{
	const VkSparseBufferMemoryBindInfo buffer = {
		.buffer = resource->buffer,
		.bindCount = count,
		.pBinds = binds,
	};
	const VkSparseImageOpaqueMemoryBindInfo image = {
		.image = resource->image,
		.bindCount = count,
		.pBinds = binds,
	};
	const VkBindSparseInfo info = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.bufferBindCount = resource->buffer ? 1 : 0,
		.pBufferBinds = &buffer,
		.imageOpaqueBindCount = resource->image ? 1 : 0,
		.pImageOpaqueBinds = &image,
	};

	bind_and_wait(&info);
	mark("bound");
}

/* Binds several ranges in one call. */
static void bind(const struct resource *resource, const VkSparseMemoryBind *binds, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		unsigned memory = 0;
		while (memory < MEMORIES && binds[i].memory &&
			memories[memory] != binds[i].memory) {
			memory++;
		}
		mark("bind %u %llu %llu %u %llu", resource->id,
			(unsigned long long)binds[i].resourceOffset,
			(unsigned long long)binds[i].size, binds[i].memory ? memory + 1 : 0,
			(unsigned long long)binds[i].memoryOffset);
	}
	bind_unmarked(resource, binds, count);
}

static void bind_one(const struct resource *resource, VkDeviceSize offset, VkDeviceSize size,
	VkDeviceMemory memory, VkDeviceSize memory_offset)
{
	const VkSparseMemoryBind one = {
		.resourceOffset = offset,
		.size = size,
		.memory = memory,
		.memoryOffset = memory_offset,
	};

	bind(resource, &one, 1);
}

static void bind_blocks(
	const struct resource *resource, const VkSparseImageMemoryBind *binds, uint32_t count)
{
	const VkSparseImageMemoryBindInfo image = {
		.image = resource->image,
		.bindCount = count,
		.pBinds = binds,
	};
	const VkBindSparseInfo info = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.imageBindCount = 1,
		.pImageBinds = &image,
	};

	mark("blocks %u", resource->id);
	bind_and_wait(&info);
	mark("bound");
}

static uint32_t blocks_across(uint32_t extent, uint32_t level, uint32_t block)
{
	uint32_t size = extent >> level ? extent >> level : 1;

	return (size + block - 1) / block;
}

/* A bind of a rectangle of blocks; x, y, columns and rows count blocks. */
static VkSparseImageMemoryBind block_bind(const struct resource *resource, uint32_t level,
	uint32_t x, uint32_t y, uint32_t columns, uint32_t rows)
{
	const VkExtent3D *block = &resource->block;
	uint32_t width = resource->extent.width >> level;
	uint32_t height = resource->extent.height >> level;
	VkSparseImageMemoryBind bind = {
		.subresource = { .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .mipLevel = level },
		.offset = { (int32_t)(x * block->width), (int32_t)(y * block->height), 0 },
		.extent = { columns * block->width, rows * block->height, 1 },
	};

	if (x * block->width + bind.extent.width > width) {
		bind.extent.width = width - x * block->width;
	}
	if (y * block->height + bind.extent.height > height) {
		bind.extent.height = height - y * block->height;
	}
	return bind;
}

/* Some calls have more binds than the layer handles without an allocation. */
#define RANDOM_BINDS 24

static uint32_t random_count(void)
{
	return 1 + below(below(8) ? 6 : RANDOM_BINDS);
}

static void random_buffer_bind(const struct resource *resource)
{
	VkSparseMemoryBind binds[RANDOM_BINDS];
	uint32_t count = random_count();
	VkDeviceSize unit = resource->alignment < 65536 ? 65536 : resource->alignment;
	unsigned units = (unsigned)(resource->size / unit);

	for (uint32_t i = 0; i < count; i++) {
		unsigned first = below(units);
		unsigned length = 1 + below(units - first < 16 ? units - first : 16);
		if (i && rand() % 2 &&
			binds[i - 1].resourceOffset + binds[i - 1].size + unit <= resource->size) {
			first = (unsigned)((binds[i - 1].resourceOffset + binds[i - 1].size) /
				unit);
			length = 1;
		}
		binds[i] = (VkSparseMemoryBind){ .resourceOffset = first * unit,
			.size = length * unit };
		if (rand() % 2) {
			binds[i].memory = memories[below(MEMORIES)];
			binds[i].memoryOffset = below((unsigned)(MEMORY_SIZE / unit) - length + 1) *
				unit;
		} else if (rand() % 4 == 0) {
			binds[i].resourceOffset = 0;
			binds[i].size = resource->size;
		}
	}
	bind(resource, binds, count);
}

static void random_blocks(const struct resource *resource)
{
	VkSparseImageMemoryBind binds[RANDOM_BINDS];
	uint32_t count = random_count();

	for (uint32_t i = 0; i < count; i++) {
		uint32_t level = below(resource->levels);
		uint32_t columns = blocks_across(
			resource->extent.width, level, resource->block.width);
		uint32_t rows = blocks_across(
			resource->extent.height, level, resource->block.height);
		uint32_t x = below(columns);
		uint32_t y = below(rows);
		bool one = rand() % 2;
		uint32_t wide = one ? 1 : 1 + below(columns - x);
		uint32_t high = one ? 1 : 1 + below(rows - y);
		binds[i] = block_bind(resource, level, x, y, wide, high);
		if (rand() % 2 && wide * high * UINT64_C(65536) <= MEMORY_SIZE) {
			binds[i].memory = memories[below(MEMORIES)];
			binds[i].memoryOffset =
				below((unsigned)(MEMORY_SIZE / 65536) - wide * high + 1) * 65536;
		}
	}
	bind_blocks(resource, binds, count);
}

static void random_tail(const struct resource *resource)
{
	bool real = rand() % 2 && resource->tail_size <= MEMORY_SIZE;

	bind_one(resource, resource->tail_offset, resource->tail_size,
		real ? memories[below(MEMORIES)] : VK_NULL_HANDLE, 0);
}

static void random_step(void)
{
	struct resource *resource = &resources[below(RESOURCES)];

	if (!resource->id) {
		if (rand() % 2) {
			create_buffer(
				resource, (2 + below(127)) * UINT64_C(65536) - below(2) * 4096);
		} else {
			create_image(resource, 128u << below(4), 128u << below(4),
				rand() % 2 && has_blocks);
		}
	} else if (below(12) == 0) {
		destroy(resource);
	} else if (resource->image && resource->tail_size && below(4) == 0) {
		random_tail(resource);
	} else if (resource->image && has_blocks) {
		if (resource->levels) {
			random_blocks(resource);
		}
	} else {
		random_buffer_bind(resource);
	}
}

static void run_random(unsigned seed)
{
	char name[32];

	snprintf(name, sizeof(name), "%u", seed);
	srand(seed);
	begin(name);
	for (unsigned i = 0; i < 40; i++) {
		random_step();
	}
	end();
}

static void unbind_image(const struct resource *image)
{
	if (!has_blocks) {
		bind_one(image, 0, image->size, VK_NULL_HANDLE, 0);
		return;
	}
	VkSparseImageMemoryBind all = block_bind(image, 0, 0, 0,
		blocks_across(image->extent.width, 0, image->block.width),
		blocks_across(image->extent.height, 0, image->block.height));
	bind_blocks(image, &all, 1);
}

/* Single calls. check_workload.py --single expects one op in one ioctl for each. */
static void run_single(void)
{
	struct resource *buffer = &resources[0];
	struct resource *image = &resources[1];
	const VkDeviceSize mib = UINT64_C(1) << 20;

	begin("single");
	create_buffer(buffer, 100000000);
	bind_one(buffer, 6 * mib, 65536, memories[0], 0);
	bind_one(buffer, mib, 33 * mib, VK_NULL_HANDLE, 0);
	bind_one(buffer, 0, buffer->size, VK_NULL_HANDLE, 0);
	create_image(image, 4096, 4096, false);
	if (has_blocks) {
		VkSparseImageMemoryBind one = block_bind(image, 0, 3, 2, 1, 1);
		one.memory = memories[1];
		bind_blocks(image, &one, 1);
	} else {
		bind_one(image, 0, mib, memories[1], 0);
	}
	unbind_image(image);
	end();
}

/* Many binds without a mark for each: the table counts their ops only. */
static void bind_many(
	const struct resource *resource, const VkSparseMemoryBind *binds, uint32_t count)
{
	mark("binds %u", resource->id);
	bind_unmarked(resource, binds, count);
}

#define TABLE_PAGES 24415
#define TABLE_PAGE 4096
#define TABLE_STORM 1024

static void bind_pages(const struct resource *buffer, VkSparseMemoryBind *binds)
{
	const uint32_t memory_pages = (uint32_t)(MEMORY_SIZE / TABLE_PAGE);

	for (uint32_t i = 0; i < TABLE_PAGES; i++) {
		/* The stride has no common factor with the number of pages: adjacent pages of
		 * the buffer are never adjacent in memory. */
		binds[i] = (VkSparseMemoryBind){
			.resourceOffset = i * TABLE_PAGE,
			.size = TABLE_PAGE,
			.memory = memories[0],
			.memoryOffset = (uint64_t)i * 389 % memory_pages * TABLE_PAGE,
		};
	}
	bind_many(buffer, binds, TABLE_PAGES);
	for (uint32_t i = 0; i < TABLE_PAGES; i++) {
		binds[i].memory = memories[i / memory_pages % MEMORIES];
		binds[i].memoryOffset = i % memory_pages * TABLE_PAGE;
	}
	bind_many(buffer, binds, TABLE_PAGES);
}

/* Unbinds and binds blocks all over the buffer. */
static void rebind(const struct resource *buffer, VkSparseMemoryBind *binds)
{
	for (uint32_t i = 0; i < TABLE_STORM; i++) {
		binds[i] = (VkSparseMemoryBind){
			.resourceOffset = i / 2 * 7 % 1024 * 65536,
			.size = 65536,
			.memory = i % 2 ? memories[i / 2 % MEMORIES] : VK_NULL_HANDLE,
		};
	}
	bind_many(buffer, binds, TABLE_STORM);
}

/* The calls of the benchmarks' table: each call is a cell. */
static void run_table(void)
{
	struct resource *buffer = &resources[0];
	struct resource *image = &resources[1];
	VkPhysicalDeviceFeatures features;

	vkGetPhysicalDeviceFeatures(vk.physical, &features);
	if (!features.sparseBinding || !features.sparseResidencyBuffer) {
		mark("none");
		return;
	}
	VkSparseMemoryBind *binds = calloc(TABLE_PAGES, sizeof(*binds));
	if (!binds) {
		vku_fail("out of memory");
	}
	begin("table");
	create_buffer(buffer, TABLE_PAGES * TABLE_PAGE);
	create_image(image, 4096, 4096, false);
	bind_one(buffer, 0, buffer->size, VK_NULL_HANDLE, 0);
	unbind_image(image);
	bind_pages(buffer, binds);
	rebind(buffer, binds);
	end();
	free(binds);
}

int main(int argc, char **argv)
{
	const struct vku_options options = { .name = "workload" };

	setenv("VMB_TEST_DEVICE", "Mali", 0);
	vku_instance_init(&vk, &options);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "single") == 0) {
			run_single();
		} else if (strcmp(argv[i], "table") == 0) {
			run_table();
		} else {
			run_random((unsigned)strtoul(argv[i], NULL, 0));
		}
	}
	vkDestroyInstance(vk.instance, NULL);
	return 0;
}
