/* SPDX-License-Identifier: MIT */
#include "icd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * Compares random operations with a model of plain arrays. The program creates and destroys buffers
 * and memories. It binds, rebinds, aliases and unbinds pages. The GPU fills and copies pages and
 * the CPU writes memory. The GPU must then read the same words as the model has.
 *
 * VMB_SEED sets the random seed. VMB_ROUNDS sets the number of rounds.
 */

#define BUFFERS 6
#define MEMORIES 5
#define MAX_PAGES 48
#define MAX_BINDS 24
#define DEFAULT_ROUNDS 20000

struct memory {
	VkDeviceMemory memory; /* VK_NULL_HANDLE: none now */
	uint32_t pages;
	unsigned char *map;
	unsigned char *model;
};

/* The memory page that a buffer page is bound to; memory is NULL if unbound. */
struct page_bind {
	struct memory *memory;
	uint32_t page;
};

struct buffer {
	VkBuffer buffer; /* VK_NULL_HANDLE: none now */
	uint32_t pages;
	struct page_bind places[MAX_PAGES];
};

struct world {
	const struct vku *vk;
	uint64_t random;
	VkDeviceSize page;
	uint32_t memory_types;
	struct memory memories[MEMORIES];
	struct buffer buffers[BUFFERS];
	VkFence fence;
	struct vku_buffer staging; /* MAX_PAGES pages */
};

static uint32_t pick(struct world *w, uint32_t below)
{
	/* xorshift64* */
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (uint32_t)((w->random * UINT64_C(2685821657736338717)) >> 33) % below;
}

static unsigned char *model_page(const struct world *w, const struct page_bind *place)
{
	return place->memory->model + place->page * w->page;
}

static struct buffer *pick_buffer(struct world *w)
{
	struct buffer *buffer = &w->buffers[pick(w, BUFFERS)];

	return buffer->buffer ? buffer : NULL;
}

static struct memory *pick_memory(struct world *w)
{
	struct memory *memory = &w->memories[pick(w, MEMORIES)];

	return memory->memory ? memory : NULL;
}

/* Returns the number of bound pages from first on, at most wanted. */
static uint32_t bound_run(const struct buffer *buffer, uint32_t first, uint32_t wanted)
{
	uint32_t count = 0;

	while (count < wanted && first + count < buffer->pages &&
		buffer->places[first + count].memory) {
		count++;
	}
	return count;
}

static void create_buffer(struct world *w)
{
	struct buffer *buffer = &w->buffers[pick(w, BUFFERS)];

	if (buffer->buffer) {
		return;
	}
	*buffer = (struct buffer){ .pages = 1 + pick(w, MAX_PAGES) };
	buffer->buffer = vku_create_buffer(
		w->vk, ICD_SPARSE_BUFFER, buffer->pages * w->page, VKU_ALL_BUFFER_USAGE);
}

static void destroy_buffer(struct world *w)
{
	struct buffer *buffer = pick_buffer(w);

	if (buffer) {
		vkDestroyBuffer(w->vk->device, buffer->buffer, NULL);
		*buffer = (struct buffer){ 0 };
	}
}

static void create_memory(struct world *w)
{
	struct memory *memory = &w->memories[pick(w, MEMORIES)];

	if (memory->memory) {
		return;
	}
	memory->pages = 1 + pick(w, MAX_PAGES);
	size_t size = memory->pages * w->page;
	memory->memory = vku_allocate(w->vk, size, w->memory_types);
	memory->map = vku_map(w->vk, memory->memory);
	memory->model = malloc(size);
	EXPECT(memory->model != NULL);
	memset(memory->map, (int)pick(w, 256), size);
	memcpy(memory->model, memory->map, size);
}

/* Pages bound to freed memory must not be read. The binds may stay. */
static void free_memory(struct world *w)
{
	struct memory *memory = pick_memory(w);

	if (!memory) {
		return;
	}
	vkFreeMemory(w->vk->device, memory->memory, NULL);
	free(memory->model);
	for (uint32_t b = 0; b < BUFFERS; b++) {
		for (uint32_t i = 0; i < w->buffers[b].pages; i++) {
			if (w->buffers[b].places[i].memory == memory) {
				w->buffers[b].places[i] = (struct page_bind){ 0 };
			}
		}
	}
	*memory = (struct memory){ 0 };
}

/* Binds of one buffer that do not overlap: overlapping binds in a batch are unordered. */
static uint32_t random_binds(struct world *w, struct buffer *buffer, VkSparseMemoryBind *binds)
{
	uint32_t count = 0;

	for (uint32_t at = pick(w, 4); at < buffer->pages && count < MAX_BINDS; at += pick(w, 4)) {
		struct memory *memory = pick(w, 4) == 0 ? NULL : pick_memory(w);
		uint32_t pages = 1 + pick(w, 8);
		uint32_t from = 0;
		if (pages > buffer->pages - at) {
			pages = buffer->pages - at;
		}
		if (memory) {
			from = pick(w, memory->pages);
			pages = pages < memory->pages - from ? pages : memory->pages - from;
		}
		binds[count++] = (VkSparseMemoryBind){
			.resourceOffset = at * w->page,
			.size = pages * w->page,
			.memory = memory ? memory->memory : VK_NULL_HANDLE,
			.memoryOffset = from * w->page,
		};
		for (uint32_t i = 0; i < pages; i++) {
			buffer->places[at + i] = memory ? (struct page_bind){ memory, from + i }
							: (struct page_bind){ 0 };
		}
		at += pages;
	}
	/* Shuffle the binds. */
	for (uint32_t i = count; i > 1; i--) {
		uint32_t other = pick(w, i);
		VkSparseMemoryBind swapped = binds[i - 1];
		binds[i - 1] = binds[other];
		binds[other] = swapped;
	}
	return count;
}

/* Binds several buffers with one or two batches in one call. */
static void bind(struct world *w)
{
	VkSparseMemoryBind binds[BUFFERS][MAX_BINDS];
	VkSparseBufferMemoryBindInfo infos[BUFFERS];
	uint32_t count = 0;

	for (uint32_t b = 0; b < BUFFERS; b++) {
		struct buffer *buffer = &w->buffers[b];
		if (!buffer->buffer || pick(w, 2)) {
			continue;
		}
		uint32_t bind_count = random_binds(w, buffer, binds[count]);
		if (bind_count > 0) {
			infos[count] = (VkSparseBufferMemoryBindInfo){ buffer->buffer, bind_count,
				binds[count] };
			count++;
		}
	}
	uint32_t first = count ? pick(w, count + 1) : 0;
	const VkBindSparseInfo batches[] = {
		{
			.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
			.bufferBindCount = first,
			.pBufferBinds = infos,
		},
		{
			.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
			.bufferBindCount = count - first,
			.pBufferBinds = infos + first,
		},
	};
	VKU_CHECK(vkQueueBindSparse(w->vk->queue, COUNT(batches), batches, w->fence));
	VKU_CHECK(vkWaitForFences(w->vk->device, 1, &w->fence, VK_TRUE, UINT64_MAX));
	VKU_CHECK(vkResetFences(w->vk->device, 1, &w->fence));
}

static void fill_words(unsigned char *at, size_t size, uint32_t word)
{
	for (size_t i = 0; i < size; i += sizeof(word)) {
		memcpy(at + i, &word, sizeof(word));
	}
}

/* Fills a range with any start and end. Writes to unbound pages reach no memory. */
static void gpu_fill(struct world *w)
{
	struct buffer *buffer = pick_buffer(w);

	if (!buffer) {
		return;
	}
	uint32_t first = pick(w, buffer->pages);
	uint32_t pages = 1 + pick(w, 6);
	pages = pages < buffer->pages - first ? pages : buffer->pages - first;
	VkDeviceSize words = pages * w->page / 4;
	VkDeviceSize start = first * w->page + pick(w, (uint32_t)words / 2) * 4;
	VkDeviceSize size = (1 + pick(w, (uint32_t)words / 2)) * (VkDeviceSize)4;
	uint32_t word = pick(w, UINT32_C(1) << 31);
	vku_fill(w->vk, buffer->buffer, start, size, word);
	for (VkDeviceSize at = start; at < start + size;) {
		VkDeviceSize end = (at / w->page + 1) * w->page;
		end = end < start + size ? end : start + size;
		const struct page_bind *place = &buffer->places[at / w->page];
		if (place->memory) {
			fill_words(model_page(w, place) + at % w->page, end - at, word);
		}
		at = end;
	}
}

/* Copies a page between buffers. Source and destination memory must differ. */
static void gpu_copy(struct world *w)
{
	struct buffer *from = pick_buffer(w), *to = pick_buffer(w);

	if (!from || !to) {
		return;
	}
	uint32_t a = pick(w, from->pages), b = pick(w, to->pages);
	const struct page_bind *source = &from->places[a], *target = &to->places[b];
	if (!source->memory || !target->memory ||
		(source->memory == target->memory && source->page == target->page)) {
		return;
	}
	if (from == to && a == b) {
		return;
	}
	if (vku_validating()) {
		/* The validation layer tracks binds wrongly and reports overlaps. */
		vku_copy(w->vk, from->buffer, a * w->page, w->staging.buffer, 0, w->page);
		vku_copy(w->vk, w->staging.buffer, 0, to->buffer, b * w->page, w->page);
	} else {
		vku_copy(w->vk, from->buffer, a * w->page, to->buffer, b * w->page, w->page);
	}
	memcpy(model_page(w, target), model_page(w, source), w->page);
}

static void cpu_write(struct world *w)
{
	struct memory *memory = pick_memory(w);

	if (!memory) {
		return;
	}
	VkDeviceSize at = pick(w, memory->pages) * w->page + pick(w, (uint32_t)w->page / 4) * 4;
	uint32_t word = pick(w, UINT32_C(1) << 31);
	memcpy(memory->map + at, &word, sizeof(word));
	memcpy(memory->model + at, &word, sizeof(word));
}

/* The GPU copies all bound pages of a buffer. The result is compared with the model. */
static void check_buffer(struct world *w, const struct buffer *buffer)
{
	VkBufferCopy regions[MAX_PAGES];
	uint32_t count = 0;

	for (uint32_t i = 0; i < buffer->pages;) {
		uint32_t pages = bound_run(buffer, i, MAX_PAGES);
		if (pages > 0) {
			regions[count++] = (VkBufferCopy){ i * w->page, i * w->page,
				pages * w->page };
		}
		i += pages + 1;
	}
	if (count == 0) {
		return;
	}
	VkCommandBuffer commands = vku_begin(w->vk);
	vkCmdCopyBuffer(commands, buffer->buffer, w->staging.buffer, count, regions);
	vku_submit(w->vk, commands);
	for (uint32_t i = 0; i < buffer->pages; i++) {
		const struct page_bind *place = &buffer->places[i];
		const char *got = (const char *)w->staging.map + i * w->page;
		if (place->memory && memcmp(got, model_page(w, place), w->page) != 0) {
			vku_fail("page %u of %u of a buffer is not page %u of its memory", i,
				buffer->pages, place->page);
		}
	}
}

static void check_memory(struct world *w, const struct memory *memory)
{
	if (memory->memory && memcmp(memory->map, memory->model, memory->pages * w->page) != 0) {
		vku_fail("a memory of %u pages differs from the model", memory->pages);
	}
}

static void check_something(struct world *w)
{
	struct buffer *buffer = pick_buffer(w);

	if (buffer) {
		check_buffer(w, buffer);
	}
	check_memory(w, &w->memories[pick(w, MEMORIES)]);
}

/* Each round picks one step at random. Frequent steps are listed repeatedly. */
static void (*const steps[])(struct world *w) = {
	create_buffer,
	create_buffer,
	destroy_buffer,
	create_memory,
	create_memory,
	free_memory,
	bind,
	bind,
	bind,
	bind,
	gpu_fill,
	gpu_fill,
	gpu_fill,
	gpu_copy,
	gpu_copy,
	gpu_copy,
	cpu_write,
	check_something,
	check_something,
	check_something,
};

static void world_init(struct world *w, const struct vku *vk, uint64_t seed)
{
	VkBuffer probe = vku_create_buffer(vk, ICD_SPARSE_BUFFER, 1, VKU_ALL_BUFFER_USAGE);
	VkMemoryRequirements requirements = vku_buffer_requirements(vk, probe);

	vkDestroyBuffer(vk->device, probe, NULL);
	*w = (struct world){
		.vk = vk,
		.random = seed ? seed : 1,
		.page = requirements.alignment,
		.memory_types = requirements.memoryTypeBits,
	};
	w->fence = vku_create_fence(vk);
	vku_buffer_init(vk, &w->staging, MAX_PAGES * w->page);
}

static void world_finish(struct world *w)
{
	for (uint32_t i = 0; i < BUFFERS; i++) {
		vkDestroyBuffer(w->vk->device, w->buffers[i].buffer, NULL);
	}
	for (uint32_t i = 0; i < MEMORIES; i++) {
		vkFreeMemory(w->vk->device, w->memories[i].memory, NULL);
		free(w->memories[i].model);
	}
	vku_buffer_finish(w->vk, &w->staging);
	vkDestroyFence(w->vk->device, w->fence, NULL);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

static void random_work(void **state)
{
	uint64_t seed = setting("VMB_SEED", (uint64_t)time(NULL));
	uint64_t rounds = setting("VMB_ROUNDS", DEFAULT_ROUNDS);
	struct world w;

	printf("VMB_SEED=%" PRIu64 " VMB_ROUNDS=%" PRIu64 "\n", seed, rounds);
	fflush(stdout);
	world_init(&w, *state, seed);
	for (uint64_t i = 0; i < rounds; i++) {
		steps[pick(&w, COUNT(steps))](&w);
	}
	for (uint32_t i = 0; i < BUFFERS; i++) {
		if (w.buffers[i].buffer) {
			check_buffer(&w, &w.buffers[i]);
		}
	}
	for (uint32_t i = 0; i < MEMORIES; i++) {
		check_memory(&w, &w.memories[i]);
	}
	world_finish(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENARIO(random_work),
	};

	return ICD_RUN(tests, argc, argv);
}
