/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block_image.h"
#include "merge/call.h"
#include "plan_model.h"
#include "scenarios.h"

/* Whole calls: batches that become one, entries of one resource that become one, and calls that
 * stay as they are. */

#define BLOCK BLOCK_IMAGE_BYTES
#define MAX_BATCHES 12
#define MAX_ENTRIES 32 /* of each kind */
#define MAX_BINDS 256

/* A call and its arrays. */
struct call {
	VkBindSparseInfo infos[MAX_BATCHES];
	VkTimelineSemaphoreSubmitInfo timelines[MAX_BATCHES];
	VkDeviceGroupBindSparseInfo groups[MAX_BATCHES];
	VkSparseBufferMemoryBindInfo buffers[MAX_ENTRIES];
	VkSparseImageOpaqueMemoryBindInfo opaques[MAX_ENTRIES];
	VkSparseImageMemoryBindInfo images[MAX_ENTRIES];
	VkSparseMemoryBind binds[MAX_BINDS];
	VkSparseImageMemoryBind blocks[MAX_BINDS];
	uint32_t count, buffer_count, opaque_count, image_count, bind_count, block_count;
};

static const struct vmb_merge_device device = { .next = &block_image_commands,
	.blocks_in_order = true };

/* The joined call. free(scratch) afterwards. */
static struct vmb_merge_call join(const struct call *call, void **scratch)
{
	struct vmb_merge_call joined = { .count = call->count, .infos = call->infos };

	*scratch = malloc(vmb_merge_call_scratch_size(call->infos, call->count));
	assert_non_null(*scratch);
	vmb_merge_call_join(&joined, &device, *scratch);
	return joined;
}

/* Building a call. Resources and memories have letters as names. */

static VkDeviceMemory memory_named(char name)
{
	return (VkDeviceMemory)(uintptr_t)(name == '-' ? 0 : (unsigned char)name);
}

/* handle: of any type, which is a pointer or, in a 32-bit process, an integer. */
#define NAME_OF(handle) name_of((uintptr_t)(handle))

static char name_of(uintptr_t handle)
{
	return handle ? (char)handle : '-';
}

static VkBindSparseInfo *add_batch(struct call *call)
{
	VkBindSparseInfo *info = &call->infos[call->count++];

	*info = (VkBindSparseInfo){
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.pBufferBinds = &call->buffers[call->buffer_count],
		.pImageOpaqueBinds = &call->opaques[call->opaque_count],
		.pImageBinds = &call->images[call->image_count],
	};
	return info;
}

/* a to h are buffers, A to H opaque images, P to W images of blocks. */
static void add_entry(struct call *call, VkBindSparseInfo *info, char name)
{
	if (name >= 'a') {
		call->buffers[call->buffer_count++] = (VkSparseBufferMemoryBindInfo){
			.buffer = (VkBuffer)(uintptr_t)name,
			.pBinds = &call->binds[call->bind_count],
		};
		info->bufferBindCount++;
	} else if (name < 'P') {
		call->opaques[call->opaque_count++] = (VkSparseImageOpaqueMemoryBindInfo){
			.image = (VkImage)(uintptr_t)name,
			.pBinds = &call->binds[call->bind_count],
		};
		info->imageOpaqueBindCount++;
	} else {
		call->images[call->image_count++] = (VkSparseImageMemoryBindInfo){
			.image = (VkImage)(uintptr_t)name,
			.pBinds = &call->blocks[call->block_count],
		};
		info->imageBindCount++;
	}
}

struct bind {
	uint32_t at; /* in blocks */
	uint32_t size;
	char memory;
	uint32_t offset;
};

/* Adds a bind to the last entry of this name's kind. */
static void add_bind(struct call *call, char name, const struct bind *bind)
{
	VkDeviceSize offset = (VkDeviceSize)bind->offset * BLOCK;

	if (name < 'P' || name >= 'a') {
		call->binds[call->bind_count++] = (VkSparseMemoryBind){
			.resourceOffset = (VkDeviceSize)bind->at * BLOCK,
			.size = (VkDeviceSize)bind->size * BLOCK,
			.memory = memory_named(bind->memory),
			.memoryOffset = offset,
		};
	} else {
		call->blocks[call->block_count++] = (VkSparseImageMemoryBind){
			.subresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0 },
			.offset = { (int32_t)bind->at * 128, 0, 0 },
			.extent = { bind->size * 128, 128, 1 },
			.memory = memory_named(bind->memory),
			.memoryOffset = offset,
		};
	}
	if (name >= 'a') {
		call->buffers[call->buffer_count - 1].bindCount++;
	} else if (name < 'P') {
		call->opaques[call->opaque_count - 1].bindCount++;
	} else {
		call->images[call->image_count - 1].bindCount++;
	}
}

/* The semaphores' handles do not matter. */
static void add_semaphore(struct call *call, VkBindSparseInfo *info, char kind)
{
	static const VkSemaphore semaphores[4];
	uint32_t index = call->count - 1;

	switch (kind) {
	case 'w':
		info->pWaitSemaphores = semaphores;
		info->waitSemaphoreCount++;
		break;
	case 's':
		info->pSignalSemaphores = semaphores;
		info->signalSemaphoreCount++;
		break;
	case 't':
		call->timelines[index].sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
		info->pNext = &call->timelines[index];
		break;
	default:
		call->groups[index].sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_BIND_SPARSE_INFO;
		info->pNext = &call->groups[index];
		break;
	}
}

/*
 * Blanks separate words, and | separates batches:
 *   !w !s       the batch waits for, or signals, a semaphore
 *   !t !g       the batch has a chain: values of timelines, or a device group
 *   a:<binds>   an entry; commas separate the binds <at>+<size>=<memory><offset>, in blocks
 */
static void parse(const char *text, struct call *call)
{
	memset(call, 0, sizeof(*call));
	VkBindSparseInfo *info = add_batch(call);
	while (*text) {
		struct bind bind;
		int length = 0;
		if (*text == '|') {
			info = add_batch(call);
			text++;
		} else if (*text == '!') {
			add_semaphore(call, info, text[1]);
			text += 2;
		} else if (*text != ' ') {
			char name = *text;
			add_entry(call, info, name);
			while (text[1] == ',' || (text[1] == ':' && text[2] && text[2] != ' ')) {
				assert_int_equal(
					sscanf(text + 1, "%*1[:,]%u+%u=%c%u%n", &bind.at,
						&bind.size, &bind.memory, &bind.offset, &length),
					4);
				add_bind(call, name, &bind);
				text += length;
			}
			text += text[1] == ':' ? 2 : 1;
		} else {
			text++;
		}
	}
}

/* Writes a call in the same form. */

struct text {
	char text[1024];
	size_t length;
};

#define PRINT(to, ...) \
	((to)->length += (size_t)snprintf( \
		 (to)->text + (to)->length, sizeof((to)->text) - (to)->length, __VA_ARGS__))

static void print_bind(struct text *to, uint32_t index, VkDeviceSize at, VkDeviceSize size,
	VkDeviceMemory memory, VkDeviceSize offset)
{
	PRINT(to, "%c%u+%u=%c%u", index ? ',' : ':', (unsigned)at, (unsigned)size, NAME_OF(memory),
		(unsigned)(offset / BLOCK));
}

static void print_memory_binds(
	struct text *to, char name, uint32_t count, const VkSparseMemoryBind *binds)
{
	PRINT(to, " %c", name);
	for (uint32_t i = 0; i < count; i++) {
		print_bind(to, i, binds[i].resourceOffset / BLOCK, binds[i].size / BLOCK,
			binds[i].memory, binds[i].memoryOffset);
	}
}

static void print_batch(struct text *to, const VkBindSparseInfo *info)
{
	const VkBaseInStructure *chain = info->pNext;

	PRINT(to, "%s%s", info->waitSemaphoreCount ? " !w" : "",
		info->signalSemaphoreCount ? " !s" : "");
	if (chain) {
		PRINT(to, " !%c",
			chain->sType == VK_STRUCTURE_TYPE_DEVICE_GROUP_BIND_SPARSE_INFO ? 'g'
											: 't');
	}
	for (uint32_t i = 0; i < info->bufferBindCount; i++) {
		const VkSparseBufferMemoryBindInfo *buffer = &info->pBufferBinds[i];
		print_memory_binds(to, NAME_OF(buffer->buffer), buffer->bindCount, buffer->pBinds);
	}
	for (uint32_t i = 0; i < info->imageOpaqueBindCount; i++) {
		const VkSparseImageOpaqueMemoryBindInfo *opaque = &info->pImageOpaqueBinds[i];
		print_memory_binds(to, NAME_OF(opaque->image), opaque->bindCount, opaque->pBinds);
	}
	for (uint32_t i = 0; i < info->imageBindCount; i++) {
		const VkSparseImageMemoryBindInfo *image = &info->pImageBinds[i];
		PRINT(to, " %c", NAME_OF(image->image));
		for (uint32_t j = 0; j < image->bindCount; j++) {
			const VkSparseImageMemoryBind *block = &image->pBinds[j];
			print_bind(to, j, (VkDeviceSize)block->offset.x / 128,
				block->extent.width / 128, block->memory, block->memoryOffset);
		}
	}
}

struct scenario {
	const char *name;
	const char *given;
	const char *joined; /* "same": the driver gets the application's pointers */
};

/* clang-format off */
static const struct scenario scenarios[] = {
	{ "one bind", "a:0+1=x0", "same" },
	{ "binds of one entry", "!w !s a:0+1=x0,1+1=x1", "!w !s a:0+2=x0" },
	{ "nothing joins", "a:0+1=x0,5+1=x9 b:0+1=x0", "same" },
	{ "two entries of one buffer", "a:1+1=x1 a:0+1=x0", "a:0+2=x0" },
	{ "entries of one buffer apart", "a:1+1=x1 b:0+1=x0 a:0+1=x0", "a:0+2=x0 b:0+1=x0" },
	{ "entries whose binds do not join", "a:1+1=x1 a:0+1=x5", "same" },
	{ "overlap of two entries", "a:0+1=x0 a:0+1=x1 b:0+1=x0,1+1=x1", "a:0+1=x0 a:0+1=x1 b:0+2=x0" },
	{ "a buffer and images of one name", "a:0+1=x0 A:1+1=x1 P:2+1=x2", "same" },
	{ "each kind", "a:0+1=x0,1+1=x1 A:0+1=x0,1+1=x1 P:0+1=x0,1+1=x1", "a:0+2=x0 A:0+2=x0 P:0+2=x0" },
	{ "neighbouring batches", "a:0+1=x0 | a:1+1=x1", "a:0+2=x0" },
	{ "batches of different buffers", "a:0+1=x0 | b:0+1=x0 | c:0+1=x0", "a:0+1=x0 b:0+1=x0 c:0+1=x0" },
	{ "batches of different kinds", "a:0+1=x0 | P:0+1=x0", "a:0+1=x0 P:0+1=x0" },
	{ "opaque and block binds", "A:0+1=x0 | P:0+1=x0", "same" },
	{ "opaque and block binds apart", "a:0+1=x0 | A:0+1=x0 | P:0+1=x0", "a:0+1=x0 A:0+1=x0 | P:0+1=x0" },
	{ "block and opaque binds apart", "a:0+1=x0 | P:0+1=x0 | A:0+1=x0", "a:0+1=x0 P:0+1=x0 | A:0+1=x0" },
	{ "a chain without semaphores", "a:0+1=x0 | !t a:1+1=x1 | !s !t a:2+1=x2", "!t a:0+2=x0 | !s !t a:2+1=x2" },
	{ "a wait before and a signal after", "!w a:0+1=x0 | a:1+1=x1 | !s a:2+1=x2", "!w !s a:0+3=x0" },
	{ "a signal between", "!s a:0+1=x0 | a:1+1=x1", "same" },
	{ "a wait between", "a:0+1=x0 | !w a:1+1=x1", "same" },
	{ "a signal between joined batches", "a:0+1=x0 | !s a:1+1=x1 | a:2+1=x2 | a:3+1=x3", "!s a:0+2=x0 | a:2+2=x2" },
	{ "an empty batch that waits", "!w | a:0+1=x0", "!w a:0+1=x0" },
	{ "an empty batch that signals", "a:0+1=x0 | !s", "!s a:0+1=x0" },
	{ "a chain for the waits", "!w !t a:0+1=x0 | a:1+1=x1", "!w !t a:0+2=x0" },
	{ "a chain for the signals", "a:0+1=x0 | !s !t a:1+1=x1", "!s !t a:0+2=x0" },
	{ "a chain for other signals", "!w !t a:0+1=x0 | !s a:1+1=x1", "same" },
	{ "a chain for other waits", "!w a:0+1=x0 | !s !t a:1+1=x1", "same" },
	{ "two chains", "!w !t a:0+1=x0 | !s !t a:1+1=x1", "same" },
	{ "two chains apart", "!w !t a:0+1=x0 | b:0+1=x0 | !s !t a:1+1=x1", "!w !t a:0+1=x0 b:0+1=x0 | !s !t a:1+1=x1" },
	{ "a device group", "!g a:0+1=x0,1+1=x1", "same" },
	{ "a device group beside others", "!g a:0+1=x0,1+1=x1 | a:2+1=x2,3+1=x3", "!g a:0+1=x0,1+1=x1 | a:2+2=x2" },
	{ "batches that bind the same block", "a:0+1=x0 | a:0+1=x1", "same" },
	{ "batches that bind the same block, and more", "a:0+1=x0,1+1=x1 | a:0+1=x1", "a:0+2=x0 | a:0+1=x1" },
	{ "batches that bind the same image block", "P:0+1=x0 | P:0+1=-0", "same" },
	{ "an entry without binds", "a:", "same" },
	{ "entries without binds", "a: a:0+1=x0,1+1=x1 a:", "a:0+2=x0" },
	{ "no binds", "", "same" },
	{ "two empty batches", " | ", "" },
};
/* clang-format on */

static void test_scenario(void **state)
{
	const struct scenario *scenario = *state;
	static struct call call;
	struct text text = { 0 };
	void *scratch;

	parse(scenario->given, &call);
	struct vmb_merge_call joined = join(&call, &scratch);
	if (strcmp(scenario->joined, "same") == 0) {
		assert_ptr_equal(joined.infos, call.infos);
		assert_int_equal(joined.count, call.count);
		assert_int_equal(joined.given, joined.passed);
	} else {
		for (uint32_t i = 0; i < joined.count; i++) {
			PRINT(&text, "%s", i ? " |" : "");
			print_batch(&text, &joined.infos[i]);
		}
		assert_string_equal(text.text + (text.text[0] == ' '), scenario->joined);
		assert_true(vmb_merge_call_may_join(call.infos, call.count));
	}
	assert_int_equal(joined.given, call.bind_count + call.block_count);
	free(scratch);
}

/* A call needs no scratch memory if no resource has two binds and no two batches can join. */
static void test_may_join(void **state)
{
	static const char *const never[] = { "a:0+1=x0", "a:0+1=x0 b:0+1=x0", "!w | !w a:0+1=x0",
		"a:0+1=x0 A:0+1=x0 P:0+1=x0", "!s a:0+1=x0 | a:1+1=x1" };
	static struct call call;

	(void)state;
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		parse(never[i], &call);
		assert_false(vmb_merge_call_may_join(call.infos, call.count));
	}
}

/* Random calls. The model runs the batches one after the other. */

#define RESOURCES 6
#define BLOCKS 12

static const char resource_names[RESOURCES] = { 'a', 'b', 'A', 'B', 'P', 'Q' };

struct block {
	VkDeviceMemory memory;
	VkDeviceSize offset;
};

/* The state at each semaphore operation, and at the end. */
struct history {
	struct block states[2 * MAX_BATCHES + 1][RESOURCES][BLOCKS];
	uint32_t count;
};

static void apply(struct block *blocks, VkDeviceSize at, VkDeviceSize size, VkDeviceMemory memory,
	VkDeviceSize offset)
{
	for (VkDeviceSize i = 0; i < size; i++) {
		blocks[at + i] = (struct block){ memory, memory ? offset + i * BLOCK : 0 };
	}
}

static void apply_memory_binds(
	struct block *blocks, uint32_t count, const VkSparseMemoryBind *binds)
{
	for (uint32_t i = 0; i < count; i++) {
		apply(blocks, binds[i].resourceOffset / BLOCK, binds[i].size / BLOCK,
			binds[i].memory, binds[i].memoryOffset);
	}
}

static size_t index_of(char name)
{
	return (size_t)((const char *)memchr(resource_names, name, RESOURCES) - resource_names);
}

static void apply_batch(struct block state[RESOURCES][BLOCKS], const VkBindSparseInfo *info)
{
	for (uint32_t i = 0; i < info->bufferBindCount; i++) {
		const VkSparseBufferMemoryBindInfo *buffer = &info->pBufferBinds[i];
		apply_memory_binds(state[index_of(NAME_OF(buffer->buffer))], buffer->bindCount,
			buffer->pBinds);
	}
	for (uint32_t i = 0; i < info->imageOpaqueBindCount; i++) {
		const VkSparseImageOpaqueMemoryBindInfo *opaque = &info->pImageOpaqueBinds[i];
		apply_memory_binds(
			state[index_of(NAME_OF(opaque->image))], opaque->bindCount, opaque->pBinds);
	}
	for (uint32_t i = 0; i < info->imageBindCount; i++) {
		const VkSparseImageMemoryBindInfo *image = &info->pImageBinds[i];
		for (uint32_t j = 0; j < image->bindCount; j++) {
			const VkSparseImageMemoryBind *block = &image->pBinds[j];
			apply(state[index_of(NAME_OF(image->image))],
				(VkDeviceSize)block->offset.x / 128, block->extent.width / 128,
				block->memory, block->memoryOffset);
		}
	}
}

static void run(struct history *history, const VkBindSparseInfo *infos, uint32_t count)
{
	struct block state[RESOURCES][BLOCKS];

	memset(state, 0, sizeof(state));
	memset(history, 0, sizeof(*history));
	for (uint32_t i = 0; i <= count; i++) {
		if (i == count || infos[i].waitSemaphoreCount) {
			memcpy(history->states[history->count++], state, sizeof(state));
		}
		if (i == count) {
			break;
		}
		apply_batch(state, &infos[i]);
		if (infos[i].signalSemaphoreCount) {
			memcpy(history->states[history->count++], state, sizeof(state));
		}
	}
}

/* Adds an entry of binds that do not overlap each other. Another batch may bind the same blocks. */
static void add_random_entry(struct call *call, VkBindSparseInfo *info, char name, uint64_t *random)
{
	uint64_t bits = model_random(random);
	struct bind bind = { .memory = "xy-"[bits % 3], .offset = bits >> 8 & 15 };

	add_entry(call, info, name);
	for (bind.at = bits >> 16 & 7; bind.at < BLOCKS && call->bind_count < MAX_BINDS &&
		call->block_count < MAX_BINDS;) {
		bits = model_random(random);
		bind.size = bits % 4 && name < 'a' && name >= 'P' ? 1 : 1 + (bits >> 4) % 2;
		bind.size = bind.at + bind.size > BLOCKS ? 1 : bind.size;
		add_bind(call, name, &bind);
		bind.at += bind.size + ((bits >> 8) % 8 == 0);
		bind.offset += bind.size;
		if ((bits >> 12) % 5 == 0) {
			break;
		}
	}
}

static void make_random_call(struct call *call, uint64_t *random)
{
	uint32_t batches = 1 + (uint32_t)(model_random(random) % MAX_BATCHES);

	memset(call, 0, sizeof(*call));
	for (uint32_t i = 0; i < batches; i++) {
		VkBindSparseInfo *info = add_batch(call);
		uint64_t bits = model_random(random);
		/* Images of one call are either opaque or of blocks, or sometimes both. */
		for (uint32_t j = 0; j < RESOURCES; j++) {
			if ((bits >> (4 * j)) % 8 == 0) {
				add_random_entry(call, info, resource_names[j], random);
			}
		}
		for (uint32_t j = 0; j < 4; j++) {
			if ((bits >> (40 + 4 * j)) % 16 == 0) {
				add_semaphore(call, info, "wstg"[j]);
			}
		}
	}
}

static void test_random(void **state)
{
	static struct history given, joined;
	static struct call call;
	uint64_t seed = model_seed(), random = seed;
	size_t rounds = model_rounds(5000), changed = 0;

	(void)state;
	print_message("VMB_SEED=%" PRIu64 " VMB_ROUNDS=%zu\n", seed, rounds);
	for (size_t i = 0; i < rounds; i++) {
		void *scratch;
		make_random_call(&call, &random);
		struct vmb_merge_call result = join(&call, &scratch);
		run(&given, call.infos, call.count);
		run(&joined, result.infos, result.count);
		assert_memory_equal(&given, &joined, sizeof(given));
		assert_true(result.count <= call.count);
		assert_true(result.passed <= result.given);
		changed += result.infos != call.infos;
		free(scratch);
	}
	assert_true(changed > rounds / 4);
}

static const struct CMUnitTest others[] = {
	cmocka_unit_test(test_may_join),
	cmocka_unit_test(test_random),
};

int main(void)
{
	const struct scenario_table table = SCENARIO_TABLE(scenarios);
	const struct CMUnitTest each = { .test_func = test_scenario };

	return run_scenarios(
		"merge_call", &table, &each, others, sizeof(others) / sizeof(others[0]));
}
