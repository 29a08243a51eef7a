/* SPDX-License-Identifier: MIT */
#include "tour.h"

#include <stdlib.h>

#include "measure.h"
#include "steps.h"

/*
 * A tour of sparse buffers in seven steps (steps.h). work_queue.c orders binds and shaders, pages.c
 * runs shaders on pages, and device.c checks the requirements.
 */

static void tour_init(struct tour *t, enum bind_mode mode)
{
	const struct vku_options options = { .name = "vmbind-demo" };

	vku_instance_init(&t->vk, &options);
	t->traits = device_examine(&t->vk, t->verbose);
	/* Enables the features that device_examine() requires. */
	vku_device_init(&t->vk, &options);
	page_shaders_init(&t->shaders, &t->vk, RUN_SIZE, t->traits.has_addresses);
	step_create_buffers(t);
	step_allocate_memory(t);
	work_queue_init(&t->queue, &t->vk, mode, t->page);
	t->shaders.queue = &t->queue;
	t->shaders.page = t->page;
}

/* The layer keeps each queued call until its execution. */
static uint64_t bookkeeping_limit(const struct tour *t)
{
	return SLACK + t->queue.calls * 4096;
}

/* The limit is the bound memory, a page table for each scattered page, and bookkeeping. */
static void check_peak_memory(struct tour *t)
{
	const uint64_t tables = (uint64_t)t->buffer_count * t->per_buffer * 4096;
	const double used = tour_memory_mib(t);

	if (t->peak_memory > t->memory_size + tables + bookkeeping_limit(t)) {
		vku_fail("CHECK FAILED: %.1f MiB of memory used", used);
	}
}

/* A buffer may be destroyed with pages bound, once the device does not use them any more. */
static void tour_finish(struct tour *t)
{
	work_queue_wait(&t->queue);
	for (uint32_t i = 0; i < t->buffer_count; i++) {
		vkDestroyBuffer(t->vk.device, t->buffers[i], NULL);
	}
	vkFreeMemory(t->vk.device, t->memory, NULL);
	const double left = tour_memory_mib(t);
	tour_print(t, "\n8. Destroy\n   All buffers are destroyed. Memory used: %.1f MiB.\n", left);
	if (left * (double)MIB > (double)bookkeeping_limit(t)) {
		vku_fail("CHECK FAILED: %.1f MiB of memory not freed", left);
	}
	work_queue_finish(&t->queue);
	page_shaders_finish(&t->shaders, &t->vk);
	vku_finish(&t->vk);
	free(t->buffers);
}

void tour(enum bind_mode mode, bool verbose, struct tour_result *result)
{
	struct tour t = { .verbose = verbose };

	tour_init(&t, mode);
	const uint64_t remaps_before = remap_count();
	const double start = monotonic_seconds();
	step_bind(&t);
	step_rebind(&t);
	step_alias(&t);
	step_unbind(&t);
	step_scatter(&t);
	if (t.traits.has_addresses) {
		step_follow_addresses(&t);
	}
	step_stream(&t);
	check_peak_memory(&t);
	*result = (struct tour_result){
		.calls = t.queue.calls,
		.binds = t.queue.binds,
		.remaps = remap_count() - remaps_before,
		.peak_memory = t.peak_memory,
		.seconds = monotonic_seconds() - start,
	};
	tour_finish(&t);
	result->complete = true;
}
