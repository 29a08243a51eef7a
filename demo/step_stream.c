/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "steps.h"

#define FIRST_GENERATION 5

/*
 * Streaming binds different memory at the same addresses, and the CPU does not wait in between. The
 * demo queues all rounds at once: bind, write, bind, write. The content of the memory then shows
 * that each write came after its own bind and before the next.
 *
 * At first all rounds wait for the CPU. A program may submit a wait for a timeline semaphore before
 * the signal (chapter "Synchronization and Cache Control", "Semaphores"). So vkQueueBindSparse must
 * return before the bind is executed.
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
		pages_stamp_with(
			&t->shaders, set, place, tour_generation(FIRST_GENERATION + round));
	}
}

static void expect_zeros(const struct tour *t, VkDeviceSize offset, VkDeviceSize size)
{
	for (VkDeviceSize i = 0; i < size; i++) {
		if (t->map[offset + i] != 0) {
			vku_fail("CHECK FAILED: a shader ran before its semaphore was signaled");
		}
	}
}

void step_stream(struct tour *t)
{
	const struct pages place = tour_neighbours(t, 0, 0, ROUND_PAGES * t->page);
	const uint32_t words = pages_words(&t->shaders, &place);
	const VkDeviceSize size = ROUNDS * ROUND_PAGES * t->page;
	VkDescriptorSet set = pages_stamp_set(&t->shaders, &place);

	memset(t->map + t->round_memory, 0, size);
	uint64_t hold = work_queue_hold(&t->queue);
	queue_rounds(t, &place, set);
	expect_zeros(t, t->round_memory, size);
	work_queue_release(&t->queue, hold);
	work_queue_wait(&t->queue);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		tour_expect_memory(t, t->round_memory + round * ROUND_PAGES * t->page,
			tour_generation(FIRST_GENERATION + round), words, "the memory of a round");
	}
	tour_print(t,
		"\n7. Stream\n"
		"   %u rounds of bind and write were queued at once, all to the same %u pages.\n"
		"   Each write went to the memory of its own round.\n",
		ROUNDS, place.count);
}
