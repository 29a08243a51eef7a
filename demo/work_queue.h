/* SPDX-License-Identifier: MIT */
#ifndef VMB_DEMO_WORK_QUEUE_H
#define VMB_DEMO_WORK_QUEUE_H

#include "vk.h"

/* Three ways to ask for the same binds. The tour asks for runs; the other two cut them into
 * pages. */
enum way {
	WAY_RUNS, /* one VkSparseMemoryBind for each run of pages */
	WAY_PAGES, /* one for each page, all of a step in one call */
	WAY_CALLS, /* one for each page, and a vkQueueBindSparse for each of those */
	WAY_COUNT,
};

/*
 * A queue on which things happen in the order in which they were put there, binds and shaders
 * alike, while the CPU goes on.
 */
struct work_queue {
	const struct vku *vk;
	enum way way;
	VkDeviceSize page; /* in which the ways above cut */
	VkSemaphore timeline;
	/* The value that the timeline has when all that was put here is done. */
	uint64_t last;
	uint64_t calls, binds; /* made, asked for */
};

void work_queue_init(
	struct work_queue *queue, const struct vku *vk, enum way way, VkDeviceSize page);
void work_queue_finish(struct work_queue *queue);

void work_queue_bind(
	struct work_queue *queue, const VkSparseBufferMemoryBindInfo *infos, uint32_t count);
/* The same for one buffer. */
void work_queue_bind_buffer(
	struct work_queue *queue, VkBuffer buffer, const VkSparseMemoryBind *binds, uint32_t count);
/* Takes the commands, which are recorded but not ended. */
void work_queue_submit(struct work_queue *queue, VkCommandBuffer commands);
/* Until all is done; the CPU sees it then. */
void work_queue_wait(struct work_queue *queue);

/* What is put here from now on does not start before work_queue_release(). */
uint64_t work_queue_hold(struct work_queue *queue);
void work_queue_release(struct work_queue *queue, uint64_t hold);

#endif
