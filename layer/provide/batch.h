/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_BATCH_H
#define VMB_PROVIDE_BATCH_H

#include "base/trace.h"
#include "plan/plan.h"
#include "provide/device.h"

/* One VkBindSparseInfo with ops: the plan, and the batch's position on the queue. */
struct vmb_batch {
	struct vmb_batch *next; /* in the queue's list */
	/* The batch waits for semaphores or earlier work of the queue: it runs after the queue's
	 * gate has reached value. */
	bool gated;
	/* The queue's done reaches value after the plan is executed. */
	uint64_t value;
	bool holds_resources;
	/* The trace slice of the batch's vkQueueBindSparse; zeroed without a trace. */
	struct vmb_trace_origin origin;
	struct vmb_plan plan;
};

/* A batch with an empty plan. NULL if memory is short. */
struct vmb_batch *vmb_batch_create(void);
/* Accepts NULL. */
void vmb_batch_destroy(struct vmb_batch *batch);

/* References the resources of the plan until the batch is executed. If the application destroys a
 * resource too early, the bind cannot hit another resource at the same address. */
void vmb_batch_hold_resources(struct vmb_batch *batch);
void vmb_batch_release_resources(struct vmb_batch *batch);

/* Executes the plan on a VM that executes, and records the ops in their resources. Returns a
 * negative errno if an op fails; the ops before that op stay executed. */
int vmb_batch_execute(struct vmb_provide *provide, const struct vmb_batch *batch);
/*
 * Submits the plan on a VM that submits, and records the ops in their resources. The kernel
 * executes the plan after all earlier submissions and then signals done. wait is NULL for a batch
 * that is not gated. Returns 0 or a negative errno. Any thread.
 */
int vmb_batch_submit(struct vmb_provide *provide, const struct vmb_batch *batch,
	const struct vmb_point *wait, const struct vmb_point *done);

#endif
