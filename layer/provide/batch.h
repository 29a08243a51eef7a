/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_BATCH_H
#define VMB_PROVIDE_BATCH_H

#include "base/trace.h"
#include "plan/plan.h"
#include "provide/device.h"

/* One VkBindSparseInfo with ops: its plan, and its place in the order of its queue. */
struct vmb_batch {
	struct vmb_batch *next; /* in the queue's list */
	/* The batch waits for semaphores: it may run once the queue's gate reaches value. */
	bool waits;
	/* The queue's done reaches it once the plan is executed. */
	uint64_t value;
	bool holds_resources;
	/* Of the vkQueueBindSparse that the batch belongs to, if that is traced. */
	struct vmb_trace_origin origin;
	struct vmb_plan plan;
};

/* Empty; NULL if memory is short. */
struct vmb_batch *vmb_batch_create(void);
/* Accepts NULL. */
void vmb_batch_destroy(struct vmb_batch *batch);

/* Keeps the resources of the plan until the batch is executed. An application must not destroy them
 * earlier. If it does, the bind must not hit whatever takes their addresses next. */
void vmb_batch_hold_resources(struct vmb_batch *batch);
void vmb_batch_release_resources(struct vmb_batch *batch);

/* Executes the plan on a VM that executes, and records the ops in their resources. A negative errno
 * if an op fails; the ops before it are done. */
int vmb_batch_execute(struct vmb_provide *provide, const struct vmb_batch *batch);
/*
 * Submits the plan to the kernel of a VM that submits, behind all that it got before, and records
 * the ops. wait is NULL for a batch that waits for nothing. Negative errno.
 */
int vmb_batch_submit(struct vmb_provide *provide, const struct vmb_batch *batch,
	const struct vmb_point *wait, const struct vmb_point *done);

#endif
