/* SPDX-License-Identifier: MIT */
#include "tour.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "measure.h"
#include "pages.h"
#include "work_queue.h"

/*
 * A tour of sparse buffers, to be read in the order of its steps; how they follow each other is in
 * tour() at the end. How binds and shaders are ordered is in work_queue.c, how shaders are run in
 * pages.c, and what device it takes in device.c.
 *
 * Names in quotes are those of sections in the Vulkan specification's chapter "Sparse Resources",
 * unless a chapter is named with them.
 */

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

#define BUFFER_SIZE (3 * GIB)
/* The pages that steps 2 to 5 work with, all neighbours. */
#define RUN_SIZE (16 * MIB)
/* Step 6: about so many pages all over the place. */
#define SCATTERED 1024
/* Step 7: so many times other memory at the same place. */
#define ROUNDS 8
#define ROUND_PAGES 16
/* What bookkeeping may use: the driver's, the layer's and the C library's. */
#define SLACK (8 * MIB)

struct tour {
	struct vku vk;
	struct device_traits traits;
	struct work_queue queue;
	struct page_shaders shaders;
	bool verbose;

	/* Addresses without memory. */
	VkBuffer *buffers;
	uint32_t buffer_count;
	VkDeviceSize buffer_size;

	VkDeviceSize page; /* the smallest piece that can be bound */
	uint32_t per_buffer; /* scattered pages in each */

	/* Memory without addresses: pages for the run, from 0 on; then for steps 6 and 7. */
	VkDeviceMemory memory;
	VkDeviceSize scatter_memory, round_memory, memory_size;
	unsigned char *map; /* as the CPU sees it, past all sparse buffers */

	uint64_t memory_before, memory_most;
};

static void say(const struct tour *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct tour *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (t->verbose) {
		vprintf(format, args);
	}
	va_end(args);
	/* What goes wrong next is told on another stream. */
	fflush(stdout);
}

/* What this process uses more than when it had no sparse buffers. */
static double memory_mib(struct tour *t)
{
	uint64_t now = memory_used();
	uint64_t more = now > t->memory_before ? now - t->memory_before : 0;

	if (more > t->memory_most) {
		t->memory_most = more;
	}
	return (double)more / (double)MIB;
}

/* Where a stamp of a step begins: no two of the tour have a word in common. */
static uint32_t generation(uint32_t number)
{
	return number << 24;
}

/* Past the sparse buffers: what is in the memory itself. */
static void expect_memory(
	const struct tour *t, VkDeviceSize offset, uint32_t first, uint64_t words, const char *what)
{
	pages_expect((const uint32_t *)(const void *)(t->map + offset), first, words, what);
}

static struct pages neighbours(
	const struct tour *t, uint32_t buffer, VkDeviceSize offset, VkDeviceSize size)
{
	return (struct pages){
		.buffer = t->buffers[buffer],
		.offset = offset,
		.count = (uint32_t)(size / t->page),
		.stride = t->page,
	};
}

/* === 1. Buffers larger than memory ======================================================= */

static void choose_sizes(struct tour *t)
{
	t->buffer_size = BUFFER_SIZE;
	if (t->buffer_size > t->traits.max_buffer_size) {
		t->buffer_size = t->traits.max_buffer_size / RUN_SIZE * RUN_SIZE;
	}
	t->buffer_count = (uint32_t)(2 * memory_of_machine() / t->buffer_size + 1);
	if (t->buffer_count < 2) {
		t->buffer_count = 2;
	}
	/* sparseAddressSpaceSize is for all sparse resources that exist at one time (chapter
	 * "Limits"). */
	if (t->buffer_count > t->traits.sparse_address_space / t->buffer_size) {
		vku_fail("\nThe device has addresses for %.1f GiB of sparse resources: "
			 "that is no more\n"
			 "than memory, and there is nothing to show.",
			(double)t->traits.sparse_address_space / (double)GIB);
	}
}

/*
 * "Sparse Resource Creation": the flags make the difference. SPARSE_BINDING: memory comes by
 * vkQueueBindSparse, never by vkBindBufferMemory. SPARSE_RESIDENCY: the device may use the buffer
 * while parts of it are not bound. SPARSE_ALIASED: memory bound here may be bound elsewhere, too.
 */
static void create_buffers(struct tour *t)
{
	const VkBufferCreateFlags flags = VK_BUFFER_CREATE_SPARSE_BINDING_BIT |
		VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT | VK_BUFFER_CREATE_SPARSE_ALIASED_BIT;
	VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;

	if (t->traits.has_addresses) {
		usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
	}
	t->buffers = calloc(t->buffer_count, sizeof(VkBuffer));
	if (!t->buffers) {
		vku_fail("out of memory");
	}
	t->memory_before = memory_used();
	for (uint32_t i = 0; i < t->buffer_count; i++) {
		t->buffers[i] = vku_create_buffer(&t->vk, flags, t->buffer_size, usage);
	}

	const double cost = memory_mib(t);
	const double all = (double)t->buffer_count * (double)t->buffer_size;
	const double machine = (double)memory_of_machine();
	say(t,
		"\n1. Buffers larger than memory\n"
		"   %u sparse buffers of %.1f GiB: %.1f GiB, and the machine has %.1f GiB.\n"
		"   They cost %.1f MiB.\n",
		t->buffer_count, (double)t->buffer_size / (double)GIB, all / (double)GIB,
		machine / (double)GIB, cost);
	if (all <= machine || t->memory_most > SLACK) {
		vku_fail("NOT AS PROMISED: larger than memory, and at no cost");
	}
}

/* === 2. Bind ============================================================================= */

/*
 * "Sparse Resource Memory Requirements": alignment is the size of a page; offsets and sizes of
 * binds are multiples of it. One allocation gives all the pages here, and which page goes where is
 * the program's to say: a sparse buffer takes pages of any allocations, in any order.
 */
static void allocate_pages(struct tour *t)
{
	const VkMemoryRequirements requirements = vku_buffer_requirements(&t->vk, t->buffers[0]);

	t->page = requirements.alignment;
	if (t->page % (SHADER_GROUP * sizeof(uint32_t)) || RUN_SIZE / 8 % t->page) {
		vku_fail("pages of %" PRIu64 " bytes: not what this program is made for", t->page);
	}
	t->per_buffer = t->buffer_count < SCATTERED ? SCATTERED / t->buffer_count : 1;
	t->scatter_memory = RUN_SIZE;
	t->round_memory = t->scatter_memory + t->buffer_count * t->per_buffer * t->page;
	t->memory_size = t->round_memory + ROUNDS * ROUND_PAGES * t->page;
	t->memory = vku_allocate(&t->vk, t->memory_size, requirements.memoryTypeBits);
	t->map = vku_map(&t->vk, t->memory);
}

/* "Sparse Memory Binding Functions": neighbouring pages that get neighbouring memory are one
 * bind. The other pages of the buffer, nearly 3 GiB, stay unbound. */
static void bind_run(struct tour *t)
{
	const struct pages run = neighbours(t, 0, 0, RUN_SIZE);
	const VkSparseMemoryBind bind = {
		.resourceOffset = 0,
		.size = RUN_SIZE,
		.memory = t->memory,
		.memoryOffset = 0,
	};
	const uint32_t words = pages_words(&t->shaders, &run);

	work_queue_bind_buffer(&t->queue, t->buffers[0], &bind, 1);
	pages_stamp(&t->shaders, &run, generation(1));
	pages_expect(pages_read(&t->shaders, &run), generation(1), words, "a bound run, read");
	expect_memory(t, 0, generation(1), words, "a bound run, as it is in memory");
	say(t,
		"\n2. Bind\n"
		"   %u neighbouring pages of %" PRIu64 " KiB bound. A shader wrote and read %u\n"
		"   words through the buffer. Memory used: %.1f MiB.\n",
		run.count, t->page / 1024, words, memory_mib(t));
}

/* === 3. Rebind =========================================================================== */

/*
 * A bind takes the place of what was bound there; nothing has to be unbound before. Here two halves
 * of 8 MiB change places, and no byte is copied: only addresses change. Between the binds of one
 * batch there is no order, and none is needed, since no two are of the same range.
 */
static void swap_halves(struct tour *t)
{
	const struct pages run = neighbours(t, 0, 0, RUN_SIZE);
	const VkDeviceSize half = RUN_SIZE / 2;
	const VkSparseMemoryBind binds[] = {
		{ .resourceOffset = 0, .size = half, .memory = t->memory, .memoryOffset = half },
		{ .resourceOffset = half, .size = half, .memory = t->memory, .memoryOffset = 0 },
	};
	const uint32_t words = pages_words(&t->shaders, &run) / 2;

	work_queue_bind_buffer(&t->queue, t->buffers[0], binds, 2);
	const uint32_t *seen = pages_read(&t->shaders, &run);
	pages_expect(seen, generation(1) + words, words, "the second half, now first");
	pages_expect(seen + words, generation(1), words, "the first half, now second");
	say(t,
		"\n3. Rebind\n"
		"   The two halves of the run have changed places; nothing was copied.\n");
}

/* === 4. Alias: the same memory at two places ============================================= */

/* At the end of the last buffer, which is as far from the run as can be. */
static struct pages alias_of_run(const struct tour *t)
{
	return neighbours(t, t->buffer_count - 1, t->buffer_size - RUN_SIZE, RUN_SIZE);
}

/* "Sparse Memory Aliasing": both buffers have SPARSE_ALIASED. What is written through one is seen
 * through the other once it is available and visible, to which the timeline sees. */
static void bind_alias(struct tour *t)
{
	const struct pages run = neighbours(t, 0, 0, RUN_SIZE);
	const struct pages alias = alias_of_run(t);
	const VkSparseMemoryBind bind = {
		.resourceOffset = alias.offset,
		.size = RUN_SIZE,
		.memory = t->memory,
		.memoryOffset = 0,
	};
	const uint32_t words = pages_words(&t->shaders, &run) / 2;

	work_queue_bind_buffer(&t->queue, alias.buffer, &bind, 1);
	pages_stamp(&t->shaders, &alias, generation(2));
	/* The run's halves are swapped since step 3, the alias's are not. */
	const uint32_t *seen = pages_read(&t->shaders, &run);
	pages_expect(seen, generation(2) + words, words, "an alias's second half");
	pages_expect(seen + words, generation(2), words, "an alias's first half");
	say(t,
		"\n4. Alias\n"
		"   The run's memory is now in buffer %u, too: written there by a shader, it was\n"
		"   read through buffer 0. Memory used: %.1f MiB.\n",
		t->buffer_count - 1, memory_mib(t));
}

/* === 5. Unbind =========================================================================== */

/* Zeros where the device promises them. */
static void expect_unbound(struct tour *t, const struct pages *pages)
{
	const uint32_t *seen = pages_read(&t->shaders, pages);

	for (uint32_t i = 0; t->traits.strict && i < pages_words(&t->shaders, pages); i++) {
		if (seen[i] != 0) {
			vku_fail("NOT AS PROMISED: an unbound page reads as %08x", seen[i]);
		}
	}
}

/*
 * A bind of VK_NULL_HANDLE takes the memory away from a range. The memory and what is in it stay,
 * for its other places and for later. "Accessing Unbound Regions": shaders may go on writing and
 * reading where nothing is bound. That is safe and touches nothing else; but what they read is
 * undefined, unless residencyNonResidentStrict says that it is zeros.
 */
static void unbind(struct tour *t)
{
	const VkDeviceSize size = RUN_SIZE / 4 * 3;
	const struct pages gone = neighbours(t, 0, 0, ROUND_PAGES * t->page);
	const struct pages left = neighbours(t, 0, size, RUN_SIZE - size);
	const struct pages alias = alias_of_run(t);
	const VkSparseMemoryBind bind = { .size = size, .memory = VK_NULL_HANDLE };
	const uint32_t words = pages_words(&t->shaders, &alias);

	work_queue_bind_buffer(&t->queue, t->buffers[0], &bind, 1);
	pages_stamp(&t->shaders, &gone, generation(3));
	expect_unbound(t, &gone);
	expect_memory(t, 0, generation(2), words, "memory that was unbound");
	pages_expect(pages_read(&t->shaders, &alias), generation(2), words,
		"the alias of memory that was unbound");
	/* The last quarter of the run shows the second of the memory, since step 3. */
	pages_expect(pages_read(&t->shaders, &left), generation(2) + words / 4, words / 4,
		"what was not unbound");
	say(t,
		"\n5. Unbind\n"
		"   3/4 of the run unbound. A shader wrote and read there, which does no harm:\n"
		"   the memory, the alias and the last 1/4 are as they were. What it read there:\n"
		"   %s.\n",
		t->traits.strict ? "zeros" : "anything (residencyNonResidentStrict is false)");
}

/* === 6. Scatter: pages all over the place ================================================ */

/* In the middle of each buffer, as far apart as one descriptor can reach. */
static struct pages scattered(const struct tour *t, uint32_t buffer)
{
	VkDeviceSize stride = t->traits.max_storage_range / t->per_buffer / t->page * t->page;
	struct pages pages = neighbours(t, buffer, t->buffer_size / 2, t->per_buffer * t->page);

	pages.stride = stride < 2 * MIB ? stride : 2 * MIB;
	return pages;
}

/* Memory is taken from the end, so that pages that follow each other have no neighbouring
 * memory. */
static VkDeviceSize scattered_memory(const struct tour *t, uint32_t buffer, uint32_t i)
{
	const uint32_t all = t->buffer_count * t->per_buffer;

	return t->scatter_memory + (all - 1 - (buffer * t->per_buffer + i)) * t->page;
}

/* One call binds pages in all the buffers: a batch takes any number of buffers and images. */
static void bind_scattered(struct tour *t)
{
	VkSparseMemoryBind *binds = calloc(t->buffer_count * t->per_buffer, sizeof(*binds));
	VkSparseBufferMemoryBindInfo *infos = calloc(t->buffer_count, sizeof(*infos));

	if (!binds || !infos) {
		vku_fail("out of memory");
	}
	for (uint32_t buffer = 0; buffer < t->buffer_count; buffer++) {
		const struct pages pages = scattered(t, buffer);
		VkSparseMemoryBind *of_buffer = &binds[buffer * t->per_buffer];
		for (uint32_t i = 0; i < pages.count; i++) {
			of_buffer[i] = (VkSparseMemoryBind){
				.resourceOffset = pages.offset + i * pages.stride,
				.size = t->page,
				.memory = t->memory,
				.memoryOffset = scattered_memory(t, buffer, i),
			};
		}
		infos[buffer] = (VkSparseBufferMemoryBindInfo){
			.buffer = pages.buffer,
			.bindCount = pages.count,
			.pBinds = of_buffer,
		};
	}
	work_queue_bind(&t->queue, infos, t->buffer_count);
	free(binds);
	free(infos);
}

static void scatter(struct tour *t)
{
	const uint32_t page_words = (uint32_t)(t->page / sizeof(uint32_t));
	const uint32_t words = t->per_buffer * page_words;

	bind_scattered(t);
	for (uint32_t buffer = 0; buffer < t->buffer_count; buffer++) {
		const struct pages pages = scattered(t, buffer);
		pages_stamp(&t->shaders, &pages, generation(4) + buffer * words);
	}
	for (uint32_t buffer = 0; buffer < t->buffer_count; buffer++) {
		const struct pages pages = scattered(t, buffer);
		const uint32_t first = generation(4) + buffer * words;
		pages_expect(pages_read(&t->shaders, &pages), first, words, "scattered pages");
		for (uint32_t i = 0; i < pages.count; i++) {
			expect_memory(t, scattered_memory(t, buffer, i), first + i * page_words,
				page_words, "a scattered page, as it is in memory");
		}
	}
	say(t,
		"\n6. Scatter\n"
		"   %u lone pages bound at once, %u in each buffer, written and read by a\n"
		"   shader. Memory used: %.1f MiB; each lone page wants a page table, too.\n",
		t->buffer_count * t->per_buffer, t->per_buffer, memory_mib(t));
}

/* One scattered page after the other, each in another buffer than the one before. */
static VkDeviceAddress link_address(const struct tour *t, uint32_t link)
{
	const struct pages pages = scattered(t, link % t->buffer_count);

	return vku_buffer_address(&t->vk, pages.buffer) + pages.offset +
		link / t->buffer_count % t->per_buffer * pages.stride;
}

/*
 * A sparse buffer has a device address as any other (vkGetBufferDeviceAddress), before anything is
 * bound and whatever is bound later. Each scattered page becomes a link that holds the address of
 * the next, and a shader follows the chain.
 */
static void follow_addresses(struct tour *t)
{
	const uint32_t all = t->buffer_count * t->per_buffer;
	const struct shaders *shaders = &t->shaders.shaders;
	struct vku_buffer table;

	vku_buffer_init(&t->vk, &table, (all + 1) * sizeof(uint64_t));
	uint64_t *addresses = table.map;
	for (uint32_t i = 0; i <= all; i++) {
		addresses[i] = link_address(t, i % all);
	}
	const VkDescriptorBufferInfo buffers[] = {
		{ .buffer = table.buffer, .range = VK_WHOLE_SIZE },
		{ .buffer = t->shaders.results.buffer, .range = VK_WHOLE_SIZE },
	};
	page_shaders_run(&t->shaders, &shaders->link,
		page_shaders_set(&t->shaders, &shaders->link, buffers), NULL, all);
	page_shaders_run(&t->shaders, &shaders->walk,
		page_shaders_set(&t->shaders, &shaders->walk, buffers), &all, 1);
	work_queue_wait(&t->queue);

	const uint64_t *steps = t->shaders.results.map;
	for (uint32_t i = 0; i < all; i++) {
		if (steps[i] != addresses[i + 1]) {
			vku_fail("NOT AS PROMISED: link %u leads to %" PRIx64 ", not %" PRIx64, i,
				steps[i], addresses[i + 1]);
		}
	}
	vku_buffer_finish(&t->vk, &table);
	say(t, "   A shader followed a chain of %u device addresses through all of them.\n", all);
}

/* === 7. Stream =========================================================================== */

/*
 * What sparse resources are for: the same addresses, other memory behind them each time, and the
 * CPU does not wait in between. All rounds are queued at once: bind, write; bind, write... That
 * each write came after its bind and before the next shows in what is in memory afterwards.
 *
 * And all of it waits for the CPU at first: a timeline semaphore may be waited for before anything
 * is there that will signal it (chapter "Synchronization and Cache Control", "Semaphores"). So
 * vkQueueBindSparse has to return before it has bound anything.
 */
static void queue_rounds(struct tour *t, const struct pages *place, VkDescriptorSet set)
{
	for (uint32_t round = 0; round < ROUNDS; round++) {
		const VkSparseMemoryBind bind = {
			.size = ROUND_PAGES * t->page,
			.memory = t->memory,
			.memoryOffset = t->round_memory + round * ROUND_PAGES * t->page,
		};
		work_queue_bind_buffer(&t->queue, place->buffer, &bind, 1);
		pages_stamp_with(&t->shaders, set, place, generation(5 + round));
	}
}

static void stream(struct tour *t)
{
	const struct pages place = neighbours(t, 0, 0, ROUND_PAGES * t->page);
	const uint32_t words = pages_words(&t->shaders, &place);
	const VkDeviceSize size = ROUNDS * ROUND_PAGES * t->page;
	VkDescriptorSet set = pages_stamp_set(&t->shaders, &place);

	memset(t->map + t->round_memory, 0, size);
	uint64_t hold = work_queue_hold(&t->queue);
	queue_rounds(t, &place, set);
	for (VkDeviceSize i = 0; i < size; i++) {
		if (t->map[t->round_memory + i] != 0) {
			vku_fail("NOT AS PROMISED: a shader did not wait");
		}
	}
	work_queue_release(&t->queue, hold);
	work_queue_wait(&t->queue);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		expect_memory(t, t->round_memory + round * ROUND_PAGES * t->page,
			generation(5 + round), words, "what was written in one round");
	}
	say(t,
		"\n7. Stream\n"
		"   %u times bind and write, queued at once and all to the same %u pages: each\n"
		"   write went to the memory that was bound there at its time.\n",
		ROUNDS, place.count);
}

/* === The whole =========================================================================== */

static void init(struct tour *t, enum way way)
{
	const struct vku_options options = { .name = "vmbind-demo" };

	vku_instance_init(&t->vk, &options);
	t->traits = device_examine(&t->vk, t->verbose);
	/* Enables the features that device_examine() wants. */
	vku_device_init(&t->vk, &options);
	page_shaders_init(&t->shaders, &t->vk, RUN_SIZE, t->traits.has_addresses);
	choose_sizes(t);
	create_buffers(t);
	allocate_pages(t);
	work_queue_init(&t->queue, &t->vk, way, t->page);
	t->shaders.queue = &t->queue;
	t->shaders.page = t->page;
}

/* All of that: a call that waits for its turn has to be kept, too. */
static uint64_t bookkeeping(const struct tour *t)
{
	return SLACK + t->queue.calls * 4096;
}

/* Used may be the pages, a page table for each lone page, and bookkeeping. */
static void expect_little_memory(struct tour *t)
{
	const uint64_t tables = (uint64_t)t->buffer_count * t->per_buffer * 4096;
	const double used = memory_mib(t);

	if (t->memory_most > t->memory_size + tables + bookkeeping(t)) {
		vku_fail("NOT AS PROMISED: %.1f MiB of memory used", used);
	}
}

/* Nothing has to be unbound before, once the device is done with it. */
static void finish(struct tour *t)
{
	work_queue_wait(&t->queue);
	for (uint32_t i = 0; i < t->buffer_count; i++) {
		vkDestroyBuffer(t->vk.device, t->buffers[i], NULL);
	}
	vkFreeMemory(t->vk.device, t->memory, NULL);
	const double left = memory_mib(t);
	say(t, "\n8. All destroyed. Memory used: %.1f MiB.\n", left);
	if (left * (double)MIB > (double)bookkeeping(t)) {
		vku_fail("NOT AS PROMISED: %.1f MiB of memory not given back", left);
	}
	work_queue_finish(&t->queue);
	page_shaders_finish(&t->shaders, &t->vk);
	vku_finish(&t->vk);
	free(t->buffers);
}

void tour(enum way way, bool verbose, struct tour_result *result)
{
	struct tour t = { .verbose = verbose };

	init(&t, way);
	const uint64_t remaps_before = remaps();
	const double start = seconds();
	bind_run(&t);
	swap_halves(&t);
	bind_alias(&t);
	unbind(&t);
	scatter(&t);
	if (t.traits.has_addresses) {
		follow_addresses(&t);
	}
	stream(&t);
	expect_little_memory(&t);
	*result = (struct tour_result){
		.calls = t.queue.calls,
		.binds = t.queue.binds,
		.remaps = remaps() - remaps_before,
		.memory = t.memory_most,
		.seconds = seconds() - start,
	};
	finish(&t);
	result->complete = true;
}
