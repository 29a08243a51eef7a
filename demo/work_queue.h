/* SPDX-License-Identifier: MIT */
#ifndef VMB_DEMO_WORK_QUEUE_H
#define VMB_DEMO_WORK_QUEUE_H

#include "vk.h"

/* Three forms of the same binds. The tour requests runs. The other modes split runs into pages. */
enum bind_mode {
	BIND_RUNS, /* one VkSparseMemoryBind for each run of pages */
	BIND_PAGES, /* one VkSparseMemoryBind for each page, one call for each step */
	BIND_CALLS, /* one VkSparseMemoryBind and one vkQueueBindSparse for each page */
	BIND_MODE_COUNT,
};

/* A queue that executes binds and shaders in the order of their submission. The CPU does not wait
 * for them. */
struct work_queue {
	const struct vku *vk;
	enum bind_mode mode;
	VkDeviceSize page; /* the size of the pages that the modes split into */
	VkSemaphore timeline;
	/* The timeline's value when all submitted work is done. */
	uint64_t last;
	/* The vkQueueBindSparse calls so far, and the binds in them. */
	uint64_t calls, binds;
};

void work_queue_init(
	struct work_queue *queue, const struct vku *vk, enum bind_mode mode, VkDeviceSize page);
void work_queue_finish(struct work_queue *queue);

void work_queue_bind(
	struct work_queue *queue, const VkSparseBufferMemoryBindInfo *infos, uint32_t count);
/* The same for one buffer. */
void work_queue_bind_buffer(
	struct work_queue *queue, VkBuffer buffer, const VkSparseMemoryBind *binds, uint32_t count);
/* Ends and submits commands that are recorded. */
void work_queue_submit(struct work_queue *queue, VkCommandBuffer commands);
/* Waits until all submitted work is done and visible to the CPU. */
void work_queue_wait(struct work_queue *queue);

/* Work that is submitted after work_queue_hold() does not start before work_queue_release(). */
uint64_t work_queue_hold(struct work_queue *queue);
void work_queue_release(struct work_queue *queue, uint64_t hold);

#endif
