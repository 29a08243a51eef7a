/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "merge/drivers.h"
#include "merge/image_binds.h"
#include "merge/memory_binds.h"
#include "plan_model.h"
#include "scenarios.h"

/*
 * The joined binds bind exactly what the given binds bind. The model is a table of blocks: each
 * with its memory and its offset in the memory.
 */

#define BLOCK 65536

static VkDeviceMemory memory_named(uint64_t name)
{
	return (VkDeviceMemory)(uintptr_t)name;
}

/* Memory binds */

#define MAX_BINDS 600

struct memory_scene {
	VkSparseMemoryBind binds[MAX_BINDS];
	VkSparseMemoryBind out[MAX_BINDS];
	struct vmb_sort_key keys[2 * MAX_BINDS];
	uint32_t count;
};

/*
 * Blanks separate the binds: <at>+<size>=<memory><offset>, in blocks. The memory is a letter, or -
 * for none. The result is in ascending order, "same" if nothing joins, or "overlap".
 */
struct scenario {
	const char *name;
	const char *given;
	const char *joined;
};

static const struct scenario scenarios[] = {
	{ "one bind", "0+1=a0", "same" },
	{ "in order", "0+1=a0 1+1=a1 2+1=a2", "0+3=a0" },
	{ "in reverse", "2+1=a2 1+1=a1 0+1=a0", "0+3=a0" },
	{ "shuffled", "1+1=a1 3+1=a3 0+1=a0 2+1=a2", "0+4=a0" },
	{ "other sizes", "5+3=a7 0+5=a2", "0+8=a2" },
	{ "a gap in the resource", "0+1=a0 2+1=a1", "same" },
	{ "a gap in the memory", "0+1=a0 1+1=a2", "same" },
	{ "memory in reverse", "0+1=a1 1+1=a0", "same" },
	{ "other memory", "0+1=a0 1+1=b1", "same" },
	{ "two memories", "0+1=a0 1+1=a1 2+1=b2 3+1=b3", "0+2=a0 2+2=b2" },
	{ "NULL", "0+1=-0 1+1=-0 2+1=-0", "0+3=-0" },
	{ "NULL beside memory", "0+1=-0 1+1=a1", "same" },
	{ "scattered and unsorted", "4+1=a0 0+1=a1 2+1=a2", "same" },
	{ "overlap", "0+2=a0 1+2=a1", "overlap" },
	{ "overlap of neighbours", "2+1=a2 0+2=a0 1+1=a1", "overlap" },
	{ "the same twice", "0+1=a0 0+1=a0 1+1=a1", "overlap" },
};

static uint32_t parse(const char *text, VkSparseMemoryBind *binds)
{
	uint32_t count = 0;

	while (*text) {
		unsigned long long at, size, offset;
		char memory;
		assert_int_equal(sscanf(text, "%llu+%llu=%c%llu", &at, &size, &memory, &offset), 4);
		binds[count++] = (VkSparseMemoryBind){
			.resourceOffset = at * BLOCK,
			.size = size * BLOCK,
			.memory = memory_named(memory == '-' ? 0 : (unsigned char)memory),
			.memoryOffset = offset * BLOCK,
		};
		text += strcspn(text, " ");
		text += strspn(text, " ");
	}
	return count;
}

static void test_scenario(void **state)
{
	const struct scenario *scenario = *state;
	static struct memory_scene scene;
	VkSparseMemoryBind expected[16];
	uint32_t expected_count = 0;

	scene.count = parse(scenario->given, scene.binds);
	if (strcmp(scenario->joined, "same") == 0) {
		expected_count = scene.count;
		memcpy(expected, scene.binds, scene.count * sizeof(expected[0]));
	} else if (strcmp(scenario->joined, "overlap") != 0) {
		expected_count = parse(scenario->joined, expected);
	}
	uint32_t joined = vmb_merge_memory_binds(scene.binds, scene.count, scene.keys, scene.out);
	assert_int_equal(joined, expected_count);
	for (uint32_t i = 0; i < joined && joined < scene.count; i++) {
		assert_int_equal(scene.out[i].resourceOffset, expected[i].resourceOffset);
		assert_int_equal(scene.out[i].size, expected[i].size);
		assert_ptr_equal(scene.out[i].memory, expected[i].memory);
		if (expected[i].memory) {
			assert_int_equal(scene.out[i].memoryOffset, expected[i].memoryOffset);
		}
	}
}

static void shuffle(void *items, size_t count, size_t size, uint64_t *random)
{
	unsigned char temporary[128];

	for (size_t i = count; i > 1; i--) {
		unsigned char *a = (unsigned char *)items + (i - 1) * size;
		unsigned char *b = (unsigned char *)items + model_random(random) % i * size;
		memcpy(temporary, a, size);
		memcpy(a, b, size);
		memcpy(b, temporary, size);
	}
}

#define RESOURCE_BLOCKS 1024

struct block {
	VkDeviceMemory memory;
	VkDeviceSize offset;
	bool bound;
};

static void apply(struct block *blocks, const VkSparseMemoryBind *bind)
{
	for (VkDeviceSize at = 0; at < bind->size / BLOCK; at++) {
		struct block *block = &blocks[bind->resourceOffset / BLOCK + at];
		assert_false(block->bound);
		*block = (struct block){ .memory = bind->memory,
			.offset = bind->memory ? bind->memoryOffset + at * BLOCK : 0,
			.bound = true };
	}
}

/* Random binds without overlap: mostly continuing the bind before. */
static void take_memory_binds(struct memory_scene *scene, uint64_t *random)
{
	uint64_t at = 0, offset = 0, memory = 1;

	scene->count = 0;
	while (scene->count < MAX_BINDS) {
		uint64_t bits = model_random(random);
		at += bits % 8 == 0 ? 1 + (bits >> 8) % 3 : 0;
		if ((bits >> 4) % 8 == 0) {
			memory = (bits >> 16) % 3;
			offset = (bits >> 24) % 64;
		}
		uint64_t size = 1 + ((bits >> 32) % 4 == 0 ? (bits >> 40) % 3 : 0);
		if (at + size > RESOURCE_BLOCKS) {
			break;
		}
		scene->binds[scene->count++] = (VkSparseMemoryBind){
			.resourceOffset = at * BLOCK,
			.size = size * BLOCK,
			.memory = memory_named(memory),
			.memoryOffset = memory ? offset * BLOCK : 0,
		};
		at += size;
		offset += size;
	}
	if (model_random(random) % 2) {
		shuffle(scene->binds, scene->count, sizeof(scene->binds[0]), random);
	}
}

static void test_random_memory(void **state)
{
	static struct block given[RESOURCE_BLOCKS], joined[RESOURCE_BLOCKS];
	static struct memory_scene scene;
	uint64_t seed = model_seed(), random = seed;
	size_t rounds = model_rounds(3000);

	(void)state;
	print_message("VMB_SEED=%" PRIu64 " VMB_ROUNDS=%zu\n", seed, rounds);
	for (size_t i = 0; i < rounds; i++) {
		take_memory_binds(&scene, &random);
		uint32_t count = vmb_merge_memory_binds(
			scene.binds, scene.count, scene.keys, scene.out);
		assert_true(count);
		assert_true(count <= scene.count);
		memset(given, 0, sizeof(given));
		memset(joined, 0, sizeof(joined));
		for (uint32_t j = 0; count < scene.count && j < scene.count; j++) {
			apply(given, &scene.binds[j]);
		}
		for (uint32_t j = 0; count < scene.count && j < count; j++) {
			apply(joined, &scene.out[j]);
		}
		assert_memory_equal(given, joined, sizeof(given));
	}
}

static void test_flags(void **state)
{
	static struct memory_scene scene;

	(void)state;
	scene.count = parse("0+1=a0 1+1=a1 2+1=a2", scene.binds);
	scene.binds[2].flags = VK_SPARSE_MEMORY_BIND_METADATA_BIT;
	assert_int_equal(
		vmb_merge_memory_binds(scene.binds, scene.count, scene.keys, scene.out), 0);
	scene.binds[2].flags = 0;
	scene.binds[2].size = 0;
	assert_int_equal(
		vmb_merge_memory_binds(scene.binds, scene.count, scene.keys, scene.out), 0);
	scene.binds[2].size = -(VkDeviceSize)BLOCK;
	assert_int_equal(
		vmb_merge_memory_binds(scene.binds, scene.count, scene.keys, scene.out), 0);
}

/* Image binds: an image of WIDTH x HEIGHT x DEPTH blocks, whose last blocks are partial. */

#define WIDTH 7
#define HEIGHT 5
#define DEPTH 3
#define LEVELS 2
#define LAYERS 2
#define IMAGE_BLOCKS (WIDTH * HEIGHT * DEPTH * LEVELS * LAYERS)

static const VkSparseImageMemoryRequirements aspect = {
	.formatProperties = { VK_IMAGE_ASPECT_COLOR_BIT, { 32, 16, 4 }, 0 },
};

struct image_scene {
	VkSparseImageMemoryBind binds[IMAGE_BLOCKS];
	VkSparseImageMemoryBind out[IMAGE_BLOCKS];
	struct vmb_sort_key keys[2 * IMAGE_BLOCKS];
	uint32_t count;
};

/* The texels of the last block of each axis are fewer. */
static uint32_t texels(uint32_t blocks, uint32_t side, bool is_last)
{
	return blocks * side - (is_last ? side / 2 : 0);
}

static VkSparseImageMemoryBind block_bind(
	uint32_t level, uint32_t layer, uint32_t x, uint32_t y, uint32_t z)
{
	return (VkSparseImageMemoryBind){
		.subresource = { VK_IMAGE_ASPECT_COLOR_BIT, level, layer },
		.offset = { (int32_t)x * 32, (int32_t)y * 16, (int32_t)z * 4 },
		.extent = { texels(1, 32, x + 1 == WIDTH), texels(1, 16, y + 1 == HEIGHT),
			texels(1, 4, z + 1 == DEPTH) },
	};
}

static void apply_image(struct block *blocks, const VkSparseImageMemoryBind *bind)
{
	uint32_t x = (uint32_t)bind->offset.x / 32, y = (uint32_t)bind->offset.y / 16,
		 z = (uint32_t)bind->offset.z / 4;
	uint32_t width = (bind->extent.width + 31) / 32, height = (bind->extent.height + 15) / 16,
		 depth = (bind->extent.depth + 3) / 4;
	VkDeviceSize offset = bind->memoryOffset;

	/* A partial block only at the edge, and there always. */
	assert_int_equal(bind->extent.width, texels(width, 32, x + width == WIDTH));
	assert_int_equal(bind->extent.height, texels(height, 16, y + height == HEIGHT));
	assert_int_equal(bind->extent.depth, texels(depth, 4, z + depth == DEPTH));
	for (uint32_t i = 0; i < width * height * depth; i++) {
		uint32_t at =
			((bind->subresource.mipLevel * LAYERS + bind->subresource.arrayLayer) *
					DEPTH +
				z + i / width / height) *
			HEIGHT;
		at = (at + y + i / width % height) * WIDTH + x + i % width;
		assert_false(blocks[at].bound);
		blocks[at] = (struct block){ bind->memory, bind->memory ? offset : 0, true };
		offset += BLOCK;
	}
}

/* Takes some blocks of each subresource, with memory that mostly continues, or none. */
static void take_image_binds(struct image_scene *scene, uint64_t *random)
{
	uint64_t memory = model_random(random) % 2, offset = 0;
	uint64_t missing = model_random(random) % 6;

	scene->count = 0;
	for (uint32_t i = 0; i < IMAGE_BLOCKS; i++) {
		uint64_t bits = model_random(random);
		if (bits % 8 < missing && missing < 5) {
			continue;
		}
		VkSparseImageMemoryBind bind = block_bind(i / (IMAGE_BLOCKS / LEVELS),
			i / (IMAGE_BLOCKS / LEVELS / LAYERS) % LAYERS, i % WIDTH,
			i / WIDTH % HEIGHT, i / WIDTH / HEIGHT % DEPTH);
		if ((bits >> 8) % 32 == 0) {
			memory = (bits >> 16) % 3;
			offset += (bits >> 24) % 8;
		}
		bind.memory = memory_named(memory);
		bind.memoryOffset = memory ? offset * BLOCK : 0;
		offset++;
		scene->binds[scene->count++] = bind;
	}
	if (model_random(random) % 2) {
		shuffle(scene->binds, scene->count, sizeof(scene->binds[0]), random);
	}
}

static uint32_t join_image(struct image_scene *scene, bool in_order)
{
	const struct vmb_merge_blocks blocks = { &aspect, 1, BLOCK, in_order };

	return vmb_merge_image_binds(&blocks, scene->binds, scene->count, scene->keys, scene->out);
}

static void test_random_image(void **state)
{
	static struct block given[IMAGE_BLOCKS], joined[IMAGE_BLOCKS];
	static struct image_scene scene;
	uint64_t seed = model_seed(), random = seed;
	size_t rounds = model_rounds(3000);

	(void)state;
	print_message("VMB_SEED=%" PRIu64 " VMB_ROUNDS=%zu\n", seed, rounds);
	for (size_t i = 0; i < rounds; i++) {
		bool in_order = i % 4;
		take_image_binds(&scene, &random);
		if (!scene.count) {
			continue;
		}
		uint32_t count = join_image(&scene, in_order);
		assert_true(count);
		assert_true(count <= scene.count);
		memset(given, 0, sizeof(given));
		memset(joined, 0, sizeof(joined));
		for (uint32_t j = 0; j < scene.count; j++) {
			apply_image(given, &scene.binds[j]);
		}
		for (uint32_t j = 0; j < count; j++) {
			bool is_one = scene.out[j].extent.width <= 32 &&
				scene.out[j].extent.height <= 16 && scene.out[j].extent.depth <= 4;
			assert_true(in_order || !scene.out[j].memory || is_one);
			apply_image(joined, &scene.out[j]);
		}
		assert_memory_equal(given, joined, sizeof(given));
	}
}

/* All blocks of the image, with continuous memory or none, become a box for each subresource. */
static void test_whole_image(void **state)
{
	static struct image_scene scene;
	uint64_t random = 1;

	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		scene.count = 0;
		for (uint32_t i = 0; i < IMAGE_BLOCKS; i++) {
			scene.binds[i] = block_bind(i / (IMAGE_BLOCKS / LEVELS),
				i / (IMAGE_BLOCKS / LEVELS / LAYERS) % LAYERS, i % WIDTH,
				i / WIDTH % HEIGHT, i / WIDTH / HEIGHT % DEPTH);
			scene.binds[i].memory = memory_named(kind % 2);
			scene.binds[i].memoryOffset = kind % 2 ? i * (VkDeviceSize)BLOCK : 0;
			scene.count++;
		}
		if (kind >= 2) {
			shuffle(scene.binds, scene.count, sizeof(scene.binds[0]), &random);
		}
		assert_int_equal(join_image(&scene, true), LEVELS * LAYERS);
		assert_int_equal(scene.out[0].extent.width, texels(WIDTH, 32, true));
		assert_int_equal(scene.out[0].extent.height, texels(HEIGHT, 16, true));
		assert_int_equal(scene.out[0].extent.depth, texels(DEPTH, 4, true));
	}
}

/* The x, y and layer of unbound blocks, and the number of binds that they become. */
struct shape {
	uint32_t count;
	uint32_t blocks[12][3];
	uint32_t joined;
};

static void test_shapes(void **state)
{
	static const struct shape shapes[] = {
		/* two columns */
		{ 6, { { 0, 0 }, { 2, 0 }, { 0, 1 }, { 2, 1 }, { 0, 2 }, { 2, 2 } }, 2 },
		/* the rows of one layer end where those of the next one begin */
		{ 4, { { 0, 0, 0 }, { 0, 1, 0 }, { 0, 2, 1 }, { 0, 3, 1 } }, 2 },
		/* rows of different width */
		{ 5, { { 0, 0 }, { 1, 0 }, { 0, 1 }, { 1, 1 }, { 0, 2 } }, 2 },
		/* rows at different places */
		{ 4, { { 0, 0 }, { 1, 0 }, { 1, 1 }, { 2, 1 } }, 2 },
		/* a column of four, and two beside its middle: not the fewest */
		{ 6, { { 0, 0 }, { 0, 1 }, { 0, 2 }, { 0, 3 }, { 1, 1 }, { 1, 2 } }, 3 },
	};
	static struct image_scene scene;

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		for (uint32_t j = 0; j < shapes[i].count; j++) {
			const uint32_t *block = shapes[i].blocks[j];
			scene.binds[j] = block_bind(0, block[2], block[0], block[1], 0);
		}
		scene.count = shapes[i].count;
		assert_int_equal(join_image(&scene, true), shapes[i].joined);
	}
}

/* Binds that the layer does not understand stay as they are. */
static void test_image_as_it_came(void **state)
{
	static struct image_scene scene;

	(void)state;
	for (int kind = 0; kind < 9; kind++) {
		for (uint32_t i = 0; i < 3; i++) {
			scene.binds[i] = block_bind(0, 0, i, 0, 0);
		}
		scene.count = 3;
		assert_int_equal(join_image(&scene, true), 1);
		VkSparseImageMemoryBind *last = &scene.binds[2];
		switch (kind) {
		case 0:
			last->flags = 1;
			break;
		case 1:
			last->offset.x += 1;
			break;
		case 2:
			last->offset.x = -32;
			break;
		case 3:
			last->extent.height = 0;
			break;
		case 4:
			last->offset.x = 32;
			break;
		case 5:
			last->subresource.aspectMask = VK_IMAGE_ASPECT_STENCIL_BIT;
			break;
		case 6:
			last->extent.height = 32;
			break;
		case 7:
			scene.binds[1].extent.width = 16;
			last->offset.x = 48;
			break;
		default:
			last->memory = memory_named(1);
			last->memoryOffset = 4096;
			break;
		}
		assert_int_equal(join_image(&scene, true), 0);
	}
}

struct choice {
	enum vmb_merge_request request;
	enum vmb_route route;
	VkDriverId driver;
	bool has_sparse;
	bool joins;
	bool blocks_in_order;
};

static void test_choices(void **state)
{
	static const struct choice choices[] = {
		{ VMB_MERGE_AUTO, VMB_ROUTE_NATIVE, VK_DRIVER_ID_MESA_RADV, true, true, true },
		{ VMB_MERGE_OFF, VMB_ROUTE_NATIVE, VK_DRIVER_ID_MESA_RADV, true, false, false },
		{ VMB_MERGE_AUTO, VMB_ROUTE_NATIVE, VK_DRIVER_ID_MESA_RADV, false, false, false },
		{ VMB_MERGE_AUTO, VMB_ROUTE_NATIVE, VK_DRIVER_ID_MESA_TURNIP, true, false, false },
		{ VMB_MERGE_ON, VMB_ROUTE_NATIVE, VK_DRIVER_ID_MESA_TURNIP, true, true, false },
		{ VMB_MERGE_AUTO, VMB_ROUTE_ASSIST, VK_DRIVER_ID_MESA_PANVK, true, true, true },
		{ VMB_MERGE_ON, VMB_ROUTE_PROVIDE, VK_DRIVER_ID_MESA_LLVMPIPE, true, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		struct vmb_instance instance = { .settings.merge = choices[i].request };
		const struct vmb_physical_device physical = {
			.instance = &instance,
			.route = choices[i].route,
			.driver_id = choices[i].driver,
			.driver_has_sparse = choices[i].has_sparse,
		};
		struct vmb_merge_choice choice = vmb_merge_choose(&physical);
		assert_int_equal(choice.joins, choices[i].joins);
		assert_int_equal(choice.blocks_in_order, choices[i].blocks_in_order);
		assert_non_null(choice.reason);
	}
}

static const struct CMUnitTest others[] = {
	cmocka_unit_test(test_random_memory),
	cmocka_unit_test(test_flags),
	cmocka_unit_test(test_random_image),
	cmocka_unit_test(test_whole_image),
	cmocka_unit_test(test_shapes),
	cmocka_unit_test(test_image_as_it_came),
	cmocka_unit_test(test_choices),
};

int main(void)
{
	const struct scenario_table table = SCENARIO_TABLE(scenarios);
	const struct CMUnitTest each = { .test_func = test_scenario };

	return run_scenarios("merge", &table, &each, others, sizeof(others) / sizeof(others[0]));
}
