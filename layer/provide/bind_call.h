/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_BIND_CALL_H
#define VMB_PROVIDE_BIND_CALL_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "provide/batch.h"
#include "provide/queue.h"
#include "provide/submission.h"

/* One vkQueueBindSparse, on the stack of its caller. bind_call.c plans the call, an executor runs
 * its batches, and the driver signals its semaphores. */
struct vmb_bind_call {
	struct vmb_queue *queue;
	uint32_t count;
	const VkBindSparseInfo *infos;
	VkFence fence; /* VK_NULL_HANDLE after its submission */
	/* One batch for each info, owned. NULL if the info binds nothing, or after the caller has
	 * executed the batch or handed it to the worker. */
	struct vmb_batch **batches;
	struct vmb_batch *few_batches[4];
	/* The next vkQueueSubmit to the driver. */
	struct vmb_submission submission;
	/* The submission ends with waits of infos without a batch. Later batches must not overtake
	 * these waits. */
	bool adds_work;
	/* A part of the call is submitted or with the worker: the call cannot be undone. */
	bool begun;
	/* The number of infos whose signals are submitted, or in the submission. */
	uint32_t signaled;
};

/* For executors. The queue's call_lock is held. */

/* Whether an info of the call waits for semaphores. */
bool vmb_bind_call_has_waits(const struct vmb_bind_call *call);
/* Adds to the submission: wait for the batch's semaphores, then signal gate. Adds nothing for a
 * batch that is not gated. */
void vmb_bind_call_add_gate(struct vmb_bind_call *call, uint32_t index);
/* Adds to the submission: wait for done, then signal the batch's semaphores. */
void vmb_bind_call_add_done(struct vmb_bind_call *call, uint32_t index);
/* Adds the waits and signals of an info without a batch. */
void vmb_bind_call_add_empty(struct vmb_bind_call *call, uint32_t index);
/* Submits the submission, with the fence if is_last. */
VkResult vmb_bind_call_flush(struct vmb_bind_call *call, bool is_last);
/* Hands a batch to the queue's worker, which owns the batch from then on. */
void vmb_bind_call_leave_to_worker(struct vmb_bind_call *call, uint32_t index);

#endif
