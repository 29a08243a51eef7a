/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "block_image.h"
#include "merge/call.h"
#include "pages.h"
#include "sections.h"
#include "table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Joined binds on a driver with sparse resources of its own, without and with the layer. */

/* Blocks of an image, on a side and in all. */
#define SIDE 32
#define BLOCKS (SIDE * SIDE)

static VkSparseImageMemoryBind block_bind(
	uint32_t block, VkDeviceMemory memory, VkDeviceSize offset)
{
	return (VkSparseImageMemoryBind){
		.subresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0 },
		.offset = { (int32_t)(block % SIDE * 128), (int32_t)(block / SIDE * 128), 0 },
		.extent = { 128, 128, 1 },
		.memory = memory,
		.memoryOffset = offset,
	};
}

/* A driver's own vkQueueBindSparse of a list, on a buffer. */
struct job {
	struct bench_buffer *buffer;
	struct bench_work work;
};

static void unbind(void *data)
{
	const struct bench_work all = { BENCH_NULL_WHOLE, true };
	struct job *job = data;

	bench_buffer_run(job->buffer, &all);
}

static void run(void *data, unsigned iterations)
{
	struct job *job = data;

	(void)iterations;
	bench_buffer_run(job->buffer, &job->work);
}

/* One bind in a call, without unbinding. */
static void run_one(void *data, unsigned iterations)
{
	static const struct bench_work whole = { BENCH_WHOLE, true };
	struct job *job = data;

	for (unsigned i = 0; i < iterations; i++) {
		bench_buffer_run(job->buffer, &whole);
	}
}

enum {
	DRIVER,
	LAYER,
	SUBJECTS,
};

static void compare_lists(struct bench_table *table, struct bench_buffer *buffers)
{
	static const struct {
		const char *label;
		enum bench_list list;
		double at_most; /* the target of the ratio */
	} rows[] = {
		{ "in order", BENCH_CONTIGUOUS, 1.0 / 20 },
		{ "shuffled", BENCH_SHUFFLED, 1.0 / 20 },
		{ "scattered", BENCH_SCATTERED, 1.02 },
		{ "scattered, sorted", BENCH_SORTED, 1.02 },
	};
	static const struct bench_effort effort = { .rounds = 11, .turns = 3, .iterations = 1 };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct job jobs[SUBJECTS];
		struct bench_side sides[SUBJECTS];
		for (int j = 0; j < SUBJECTS; j++) {
			jobs[j] = (struct job){ &buffers[j], { rows[i].list, true } };
			sides[j] = (struct bench_side){
				.run = run, .restore = unbind, .data = &jobs[j]
			};
		}
		bench_measure(sides, SUBJECTS, &effort);
		const struct bench_result *layer = &sides[LAYER].result[BENCH_PROCESS];
		bench_cell(table, "%u pages, %s", BENCH_PAGES, rows[i].label);
		bench_cell_time(table, sides[DRIVER].result[BENCH_PROCESS].time.median);
		bench_cell_time(table, layer->time.median);
		bench_cell_ratio(table, &layer->ratio);
		bench_cell_target(table, rows[i].at_most < 1 ? BENCH_JOINED : BENCH_NOT_JOINED,
			layer->ratio.median <= rows[i].at_most);
	}
}

/* An image of 32 x 32 blocks, bound block by block, and unbound again. */
struct picture {
	const struct bench_subject *subject;
	VkImage image;
	VkDeviceMemory memory;
	VkSparseImageMemoryBind blocks[2][BLOCKS];
};

static void picture_init(struct picture *picture, const struct bench_subject *subject)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT | VK_IMAGE_CREATE_SPARSE_RESIDENCY_BIT,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { SIDE * 128, SIDE * 128, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	VkMemoryRequirements requirements;

	picture->subject = subject;
	VKU_CHECK(vkCreateImage(subject->vk.device, &info, NULL, &picture->image));
	vkGetImageMemoryRequirements(subject->vk.device, picture->image, &requirements);
	picture->memory = vku_allocate(
		&subject->vk, BLOCKS * requirements.alignment, requirements.memoryTypeBits);
	for (uint32_t i = 0; i < BLOCKS; i++) {
		VkSparseImageMemoryBind *block = &picture->blocks[0][i];
		*block = block_bind(i, picture->memory, i * requirements.alignment);
		picture->blocks[1][i] = *block;
		picture->blocks[1][i].memory = VK_NULL_HANDLE;
	}
}

static void picture_finish(struct picture *picture)
{
	vkDestroyImage(picture->subject->vk.device, picture->image, NULL);
	vkFreeMemory(picture->subject->vk.device, picture->memory, NULL);
}

static void bind_picture(void *data, unsigned iterations)
{
	const struct picture *picture = data;
	const struct bench_subject *subject = picture->subject;

	for (unsigned i = 0; i < 2 * iterations; i++) {
		const VkSparseImageMemoryBindInfo binds = { picture->image, BLOCKS,
			picture->blocks[i % 2] };
		const VkBindSparseInfo info = {
			.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
			.imageBindCount = 1,
			.pImageBinds = &binds,
		};
		VKU_CHECK(subject->QueueBindSparse(subject->vk.queue, 1, &info, VK_NULL_HANDLE));
	}
	VKU_CHECK(subject->QueueWaitIdle(subject->vk.queue));
}

static void compare_pictures(struct bench_table *table, const struct bench_subject *subjects)
{
	static const struct bench_effort effort = { .rounds = 11, .turns = 5, .iterations = 1 };
	static struct picture pictures[SUBJECTS];
	struct bench_side sides[SUBJECTS];

	for (int i = 0; i < SUBJECTS; i++) {
		picture_init(&pictures[i], &subjects[i]);
		sides[i] = (struct bench_side){ .run = bind_picture, .data = &pictures[i] };
	}
	bench_measure(sides, SUBJECTS, &effort);
	const struct bench_result *layer = &sides[LAYER].result[BENCH_PROCESS];
	bench_cell(table, "%u image blocks, bound and unbound", BLOCKS);
	bench_cell_time(table, sides[DRIVER].result[BENCH_PROCESS].time.median);
	bench_cell_time(table, layer->time.median);
	bench_cell_ratio(table, &layer->ratio);
	/* lavapipe makes a system call for each block of a bind. */
	bench_cell_target(table, BENCH_NOT_JOINED, layer->ratio.median <= 1.02);
	for (int i = 0; i < SUBJECTS; i++) {
		picture_finish(&pictures[i]);
	}
}

static void compare_one(struct bench_table *table, struct bench_buffer *buffers)
{
	struct job jobs[SUBJECTS];
	struct bench_side sides[SUBJECTS];

	for (int j = 0; j < SUBJECTS; j++) {
		jobs[j] = (struct job){ .buffer = &buffers[j] };
		sides[j] = (struct bench_side){ .run = run_one, .data = &jobs[j] };
	}
	const struct bench_effort effort = bench_effort_for(sides, SUBJECTS, 2);
	bench_measure(sides, SUBJECTS, &effort);
	const struct bench_result *layer = &sides[LAYER].result[BENCH_PROCESS];
	bench_cell(table, "one bind");
	bench_cell_time(table, sides[DRIVER].result[BENCH_PROCESS].time.median);
	bench_cell_time(table, layer->time.median);
	bench_cell_ratio(table, &layer->ratio);
	bench_cell_target(table, BENCH_NOT_JOINED, layer->ratio.median <= 1.02);
}

static void against_driver(void)
{
	static const char *const headings[] = { "one call", "driver", "with the layer",
		"layer : driver", "target" };
	struct bench_subject subjects[SUBJECTS];
	struct bench_buffer buffers[SUBJECTS];
	struct bench_pages pages;
	struct bench_table table;

	for (int i = 0; i < SUBJECTS; i++) {
		bench_subject_init(&subjects[i], i == LAYER ? "auto" : NULL);
	}
	bench_pages_init(&pages, bench_page_size(&subjects[DRIVER]), BENCH_PAGES);
	for (int i = 0; i < SUBJECTS; i++) {
		bench_buffer_init(&buffers[i], &subjects[i], &pages);
	}
	printf("### Joined binds, and binds that cannot be joined\n\n");
	bench_table_init(&table, COUNT(headings), headings);
	compare_lists(&table, buffers);
	compare_pictures(&table, subjects);
	compare_one(&table, buffers);
	bench_table_print(&table);
	for (int i = 0; i < SUBJECTS; i++) {
		bench_buffer_finish(&buffers[i]);
		bench_subject_finish(&subjects[i]);
	}
	bench_pages_finish(&pages);
}

/* The layer's own work for a call. */

struct own {
	VkBindSparseInfo info;
	VkSparseBufferMemoryBindInfo buffer;
	VkSparseImageMemoryBindInfo image;
	void *scratch;
	uint32_t passed;
};

static void join(void *data, unsigned iterations)
{
	static const struct vmb_merge_device device = { .next = &block_image_commands,
		.blocks_in_order = true };
	struct own *own = data;

	for (unsigned i = 0; i < iterations; i++) {
		struct vmb_merge_call call = { .count = 1, .infos = &own->info };
		if (vmb_merge_call_may_join(&own->info, 1) &&
			vmb_merge_call_scratch_size(&own->info, 1)) {
			vmb_merge_call_join(&call, &device, own->scratch);
			own->passed = (uint32_t)call.passed;
		}
	}
}

static double time_of(struct own *own)
{
	struct bench_side side = { .run = join, .data = own };

	own->scratch = malloc(vmb_merge_call_scratch_size(&own->info, 1));
	if (!own->scratch) {
		vku_fail("out of memory");
	}
	const struct bench_effort effort = bench_effort_for(&side, 1, 1);
	bench_measure(&side, 1, &effort);
	free(own->scratch);
	return side.result[BENCH_PROCESS].time.median;
}

static void add_own(struct bench_table *table, const char *label, struct own *own, uint32_t count,
	double at_most)
{
	double each = time_of(own) / count;

	bench_cell(table, "%s", label);
	bench_cell(table, "%u", count);
	bench_cell(table, "%u", own->passed);
	bench_cell_ns(table, each);
	bench_cell_target(table, BENCH_JOIN_COST, each <= at_most);
}

static VkSparseMemoryBind *binds_of(const struct bench_pages *pages, enum bench_list list)
{
	VkSparseMemoryBind *binds = calloc(pages->counts[list], sizeof(*binds));

	if (!binds) {
		vku_fail("out of memory");
	}
	for (uint32_t i = 0; i < pages->counts[list]; i++) {
		const struct bench_range *range = &pages->ranges[list][i];
		binds[i] = (VkSparseMemoryBind){
			.resourceOffset = range->at,
			.size = range->size,
			.memory = (VkDeviceMemory)(uintptr_t)1,
			.memoryOffset = range->from,
		};
	}
	return binds;
}

static VkSparseImageMemoryBind *blocks_of(const struct bench_pages *order)
{
	VkSparseImageMemoryBind *blocks = calloc(BLOCKS, sizeof(*blocks));

	if (!blocks) {
		vku_fail("out of memory");
	}
	for (uint32_t i = 0; i < BLOCKS; i++) {
		uint32_t block = order
			? (uint32_t)(order->ranges[BENCH_SHUFFLED][i].at / order->page)
			: i;
		blocks[i] = block_bind(
			block, (VkDeviceMemory)(uintptr_t)1, block * UINT64_C(65536));
	}
	return blocks;
}

static struct own own_call(void)
{
	return (struct own){ .info = { .sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO } };
}

static void own_buffers(struct bench_table *table)
{
	static const struct {
		const char *label;
		enum bench_list list;
		double at_most; /* ns for each bind */
	} rows[] = {
		{ "one bind", BENCH_WHOLE, 20 },
		{ "in order", BENCH_CONTIGUOUS, 15 },
		{ "in order, not joined", BENCH_SORTED, 15 },
		{ "shuffled", BENCH_SHUFFLED, 60 },
		{ "scattered, not joined", BENCH_SCATTERED, 60 },
	};
	struct bench_pages pages;

	bench_pages_init(&pages, 65536, BENCH_PAGES);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct own own = own_call();
		VkSparseMemoryBind *binds = binds_of(&pages, rows[i].list);
		own.buffer = (VkSparseBufferMemoryBindInfo){
			.bindCount = pages.counts[rows[i].list], .pBinds = binds
		};
		own.info.bufferBindCount = 1;
		own.info.pBufferBinds = &own.buffer;
		own.passed = 1;
		add_own(table, rows[i].label, &own, own.buffer.bindCount, rows[i].at_most);
		free(binds);
	}
	bench_pages_finish(&pages);
}

static void own_images(struct bench_table *table)
{
	struct bench_pages order;

	bench_pages_init(&order, 65536, BLOCKS);
	for (int i = 0; i < 2; i++) {
		struct own own = own_call();
		VkSparseImageMemoryBind *blocks = blocks_of(i ? &order : NULL);
		own.image = (VkSparseImageMemoryBindInfo){ .bindCount = BLOCKS, .pBinds = blocks };
		own.info.imageBindCount = 1;
		own.info.pImageBinds = &own.image;
		add_own(table, i ? "image blocks, shuffled" : "image blocks, in order", &own,
			BLOCKS, i ? 60 : 15);
		free(blocks);
	}
	bench_pages_finish(&order);
}

static void own_cost(void)
{
	static const char *const headings[] = { "the layer's work", "binds", "passed on",
		"ns for each bind", "target" };
	struct bench_table table;

	printf("### The layer's own work to join the binds of a call\n\n");
	bench_table_init(&table, COUNT(headings), headings);
	own_buffers(&table);
	own_images(&table);
	bench_table_print(&table);
}

void bench_merge(void)
{
	against_driver();
	own_cost();
}
