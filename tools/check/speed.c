/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "gpu.h"
#include "statistics.h"

/*
 * Times of common operations. They are no verdicts. The first device only prepares the operation.
 * Each further device runs it once: the difference between the layer's statistics of the first two
 * devices is what the operation cost. The shortest time counts.
 */

#define BUFFER_SIZE 100000000u
#define IMAGE_SIZE 4096u /* texels along an edge */
#define BLOCKS 1024u
#define ROUNDS 256u
#define REPEATS 5

struct subject {
	VkBuffer buffer;
	VkImage image;
	VkMemoryRequirements requirements;
	VkExtent3D block;
	struct pool pool;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void buffer_create(struct gpu *gpu, struct subject *s)
{
	if (!gpu->features.sparseResidencyBuffer) {
		check_skip("the device does not report sparseResidencyBuffer");
	}
	s->buffer = gpu_sparse_buffer(gpu, BUFFER_SIZE, gpu_residency(gpu));
}

static void image_create(struct gpu *gpu, struct subject *s)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT | VK_IMAGE_CREATE_SPARSE_RESIDENCY_BIT,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { IMAGE_SIZE, IMAGE_SIZE, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};

	if (!gpu->features.sparseResidencyImage2D) {
		check_skip("the device does not report sparseResidencyImage2D");
	}
	VKU_CHECK(vkCreateImage(gpu->vk.device, &info, NULL, &s->image));
}

static void buffer_prepare(struct gpu *gpu, struct subject *s)
{
	buffer_create(gpu, s);
	s->requirements = vku_buffer_requirements(&gpu->vk, s->buffer);
	pool_init(gpu, &s->pool, &s->requirements, BLOCKS);
}

static void image_prepare(struct gpu *gpu, struct subject *s)
{
	VkSparseImageMemoryRequirements sparse[4];
	uint32_t count = 4;

	image_create(gpu, s);
	vkGetImageMemoryRequirements(gpu->vk.device, s->image, &s->requirements);
	vkGetImageSparseMemoryRequirements(gpu->vk.device, s->image, &count, sparse);
	s->block = sparse[0].formatProperties.imageGranularity;
	pool_init(gpu, &s->pool, &s->requirements, BLOCKS);
}

static void buffer_null(struct gpu *gpu, struct subject *s)
{
	const VkSparseMemoryBind bind = { .size = s->requirements.size };

	gpu_bind_buffer(gpu, s->buffer, &bind, 1);
}

static void image_null(struct gpu *gpu, struct subject *s)
{
	const VkSparseMemoryBind bind = { .size = s->requirements.size };
	const VkSparseImageOpaqueMemoryBindInfo info = { s->image, 1, &bind };

	gpu_bind(gpu,
		&(VkBindSparseInfo){
			.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
			.imageOpaqueBindCount = 1,
			.pImageOpaqueBinds = &info,
		});
}

static void image_blocks(struct gpu *gpu, struct subject *s)
{
	uint32_t columns = IMAGE_SIZE / s->block.width;
	VkSparseImageMemoryBind *binds = calloc(BLOCKS, sizeof(*binds));
	const VkSparseImageMemoryBindInfo info = { s->image, BLOCKS, binds };

	if (!binds || columns * (IMAGE_SIZE / s->block.height) < BLOCKS) {
		check_skip("the blocks of this device are too large");
	}
	for (uint32_t i = 0; i < BLOCKS; i++) {
		binds[i] = (VkSparseImageMemoryBind){
			.subresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0 },
			.offset = { (int32_t)(i % columns * s->block.width),
				(int32_t)(i / columns * s->block.height), 0 },
			.extent = s->block,
			.memory = s->pool.memory,
			.memoryOffset = i * s->pool.page,
		};
	}
	gpu_bind(gpu,
		&(VkBindSparseInfo){
			.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
			.imageBindCount = 1,
			.pImageBinds = &info,
		});
	free(binds);
}

/* Calls with one bind each, to scattered pages. */
static void buffer_rate(struct gpu *gpu, struct subject *s)
{
	uint32_t pages = (uint32_t)(s->requirements.size / s->pool.page);

	for (uint32_t i = 0; i < ROUNDS; i++) {
		const VkSparseMemoryBind bind = {
			.resourceOffset = i * 37 % pages * s->pool.page,
			.size = s->pool.page,
			.memory = s->pool.memory,
			.memoryOffset = i * 91 % BLOCKS * s->pool.page,
		};
		gpu_bind_buffer(gpu, s->buffer, &bind, 1);
	}
}

static void subject_finish(struct gpu *gpu, struct subject *s)
{
	vkDestroyBuffer(gpu->vk.device, s->buffer, NULL);
	vkDestroyImage(gpu->vk.device, s->image, NULL);
	pool_finish(gpu, &s->pool);
}

struct figure {
	void (*prepare)(struct gpu *gpu, struct subject *s); /* NULL: nothing to prepare */
	void (*run)(struct gpu *gpu, struct subject *s);
	uint32_t count; /* of operations */
	const char *text;
};

/* The time of the operation in seconds. */
static double measure(struct gpu *gpu, const struct figure *figure, bool with_operation)
{
	struct subject s = { 0 };
	double time = 0;

	if (figure->prepare) {
		figure->prepare(gpu, &s);
	}
	if (with_operation) {
		double begin = now();
		figure->run(gpu, &s);
		time = now() - begin;
	}
	subject_finish(gpu, &s);
	return time;
}

static void run_figure(struct gpu *gpu, const void *data)
{
	const struct figure *figure = data;

	double time = 0;

	measure(gpu, figure, false);
	for (int i = 0; i < REPEATS; i++) {
		gpu_device_finish(gpu);
		gpu_device_init(gpu);
		double once = measure(gpu, figure, true);
		time = i == 0 || once < time ? once : time;
	}
	if (figure->count > 1) {
		check_figure(
			figure->count / time, "1/s", "%.0f %s", figure->count / time, figure->text);
	} else {
		check_figure(time, "s", "%.3f ms %s", time * 1e3, figure->text);
	}
}

#define FIGURE(name, title, prepare, run, count, text) \
	{ \
		name, title, run_figure, &(const struct figure){ prepare, run, count, text }, true \
	}

const struct check vmb_speed_checks[] = {
	FIGURE("speed.buffer", "Creation of a sparse buffer of 100 MB", NULL, buffer_create, 1,
		"to create a buffer of 100 MB"),
	FIGURE("speed.buffer.null", "A NULL bind of such a buffer", buffer_prepare, buffer_null, 1,
		"for a NULL bind of it"),
	FIGURE("speed.buffer.binds", "Calls with one bind each", buffer_prepare, buffer_rate,
		ROUNDS, "binds a second, each in a call of its own"),
	FIGURE("speed.image", "Creation of a sparse image of 4096 x 4096", NULL, image_create, 1,
		"to create an image of 4096 x 4096"),
	FIGURE("speed.image.null", "A NULL bind of such an image", image_prepare, image_null, 1,
		"for a NULL bind of it"),
	FIGURE("speed.image.blocks", "1,024 blocks of an image in one call", image_prepare,
		image_blocks, 1, "to bind 1,024 blocks of it in one call"),
	{ 0 },
};
