/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "steps.h"

/*
 * "Sparse Resource Memory Requirements": the alignment is the size of a page. Offsets and sizes of
 * binds are multiples of the page. The demo takes all pages from one allocation. A sparse buffer
 * also accepts pages of several allocations, in any order.
 */
void step_allocate_memory(struct tour *t)
{
	const VkMemoryRequirements requirements = vku_buffer_requirements(&t->vk, t->buffers[0]);

	t->page = requirements.alignment;
	if (t->page % (SHADER_GROUP * sizeof(uint32_t)) || RUN_SIZE / 8 % t->page) {
		vku_fail("the demo does not support pages of %" PRIu64 " bytes", t->page);
	}
	t->per_buffer = t->buffer_count < SCATTERED ? SCATTERED / t->buffer_count : 1;
	if (t->per_buffer > RUN_SIZE / t->page) {
		/* One read covers the pages of a buffer. */
		t->per_buffer = (uint32_t)(RUN_SIZE / t->page);
	}
	t->scatter_memory = RUN_SIZE;
	t->round_memory = t->scatter_memory + t->buffer_count * t->per_buffer * t->page;
	t->memory_size = t->round_memory + ROUNDS * ROUND_PAGES * t->page;
	t->memory = vku_allocate(&t->vk, t->memory_size, requirements.memoryTypeBits);
	t->map = vku_map(&t->vk, t->memory);
}

/* "Sparse Memory Binding Functions": one bind covers neighbouring pages with contiguous memory. The
 * other pages of the buffer, nearly the whole buffer, stay unbound. */
void step_bind(struct tour *t)
{
	const struct pages run = tour_neighbours(t, 0, 0, RUN_SIZE);
	const VkSparseMemoryBind bind = {
		.resourceOffset = 0,
		.size = RUN_SIZE,
		.memory = t->memory,
		.memoryOffset = 0,
	};
	const uint32_t first = tour_generation(1);
	const uint32_t words = pages_words(&t->shaders, &run);

	work_queue_bind_buffer(&t->queue, t->buffers[0], &bind, 1);
	pages_stamp(&t->shaders, &run, first);
	pages_expect(pages_read(&t->shaders, &run), first, words, "the bound run");
	tour_expect_memory(t, 0, first, words, "the memory of the bound run");
	tour_print(t,
		"\n2. Bind\n"
		"   One bind covers %u neighbouring pages of %" PRIu64 " KiB.\n"
		"   A shader wrote and read %u words. Memory used: %.1f MiB.\n",
		run.count, t->page / 1024, words, tour_memory_mib(t));
}

/*
 * A bind replaces the previous bind of its range, without an unbind in between. Here two halves of
 * 8 MiB swap places. Only addresses change, and no byte is copied. The two binds of the batch need
 * no order, because their ranges do not overlap.
 */
void step_rebind(struct tour *t)
{
	const struct pages run = tour_neighbours(t, 0, 0, RUN_SIZE);
	const VkDeviceSize half = RUN_SIZE / 2;
	const VkSparseMemoryBind binds[] = {
		{ .resourceOffset = 0, .size = half, .memory = t->memory, .memoryOffset = half },
		{ .resourceOffset = half, .size = half, .memory = t->memory, .memoryOffset = 0 },
	};
	const uint32_t first = tour_generation(1);
	const uint32_t words = pages_words(&t->shaders, &run) / 2;

	work_queue_bind_buffer(&t->queue, t->buffers[0], binds, 2);
	const uint32_t *seen = pages_read(&t->shaders, &run);
	pages_expect(seen, first + words, words, "the second half, at the place of the first");
	pages_expect(seen + words, first, words, "the first half, at the place of the second");
	tour_print(t,
		"\n3. Rebind\n"
		"   The two halves of the run swapped places. No data was copied.\n");
}

/* The end of the last buffer, as far from the run as possible. */
static struct pages alias_of_run(const struct tour *t)
{
	return tour_neighbours(t, t->buffer_count - 1, t->buffer_size - RUN_SIZE, RUN_SIZE);
}

/* "Sparse Memory Aliasing": both buffers have SPARSE_ALIASED. A write through one buffer is seen
 * through the other once it is available and visible. The timeline semaphore ensures both. */
void step_alias(struct tour *t)
{
	const struct pages run = tour_neighbours(t, 0, 0, RUN_SIZE);
	const struct pages alias = alias_of_run(t);
	const VkSparseMemoryBind bind = {
		.resourceOffset = alias.offset,
		.size = RUN_SIZE,
		.memory = t->memory,
		.memoryOffset = 0,
	};
	const uint32_t first = tour_generation(2);
	const uint32_t words = pages_words(&t->shaders, &run) / 2;

	work_queue_bind_buffer(&t->queue, alias.buffer, &bind, 1);
	pages_stamp(&t->shaders, &alias, first);
	/* Step 3 swapped the halves of the run, but not those of the alias. */
	const uint32_t *seen = pages_read(&t->shaders, &run);
	pages_expect(seen, first + words, words, "the second half of the alias");
	pages_expect(seen + words, first, words, "the first half of the alias");
	tour_print(t,
		"\n4. Alias\n"
		"   The memory of the run is also bound to buffer %u. A shader wrote there, and\n"
		"   another read the data in buffer 0. Memory used: %.1f MiB.\n",
		t->buffer_count - 1, tour_memory_mib(t));
}

/* Unbound pages read as zeros if residencyNonResidentStrict is true. */
static void expect_unbound(struct tour *t, const struct pages *pages)
{
	const uint32_t *seen = pages_read(&t->shaders, pages);

	for (uint32_t i = 0; t->traits.strict && i < pages_words(&t->shaders, pages); i++) {
		if (seen[i] != 0) {
			vku_fail("CHECK FAILED: an unbound page reads as %08x", seen[i]);
		}
	}
}

/*
 * A bind of VK_NULL_HANDLE unbinds a range. The memory keeps its content, for its other places and
 * for later binds. "Accessing Unbound Regions": shaders may write and read unbound pages. Such
 * accesses are safe and change no other page. A read returns undefined values, or zeros if
 * residencyNonResidentStrict is true.
 */
void step_unbind(struct tour *t)
{
	const VkDeviceSize size = RUN_SIZE / 4 * 3;
	const struct pages unbound = tour_neighbours(t, 0, 0, ROUND_PAGES * t->page);
	const struct pages bound = tour_neighbours(t, 0, size, RUN_SIZE - size);
	const struct pages alias = alias_of_run(t);
	const VkSparseMemoryBind bind = { .size = size, .memory = VK_NULL_HANDLE };
	const uint32_t first = tour_generation(2);
	const uint32_t words = pages_words(&t->shaders, &alias);

	work_queue_bind_buffer(&t->queue, t->buffers[0], &bind, 1);
	pages_stamp(&t->shaders, &unbound, tour_generation(3));
	expect_unbound(t, &unbound);
	tour_expect_memory(t, 0, first, words, "the memory of the unbound range");
	pages_expect(pages_read(&t->shaders, &alias), first, words, "the alias");
	/* Since step 3 the last quarter of the run shows the second quarter of the memory. */
	pages_expect(pages_read(&t->shaders, &bound), first + words / 4, words / 4,
		"the last quarter of the run");
	tour_print(t,
		"\n5. Unbind\n"
		"   3/4 of the run are unbound. A shader wrote and read unbound pages. The\n"
		"   memory, the alias and the last 1/4 did not change. The unbound pages read\n"
		"   as %s.\n",
		t->traits.strict ? "zeros"
				 : "undefined values (residencyNonResidentStrict is false)");
}
