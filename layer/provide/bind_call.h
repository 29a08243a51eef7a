/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_BIND_CALL_H
#define VMB_PROVIDE_BIND_CALL_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "provide/batch.h"
#include "provide/queue.h"
#include "provide/submission.h"

/* One vkQueueBindSparse, on the stack of its caller. bind_call.c plans it, an executor runs it, the
 * driver signals. */
struct vmb_bind_call {
	struct vmb_queue *queue;
	uint32_t count;
	const VkBindSparseInfo *infos;
	VkFence fence; /* VK_NULL_HANDLE once it is submitted */
	/* One for each info, NULL if it binds nothing; owned until they are left to the worker. */
	struct vmb_batch **batches;
	struct vmb_batch *few_batches[4];
	/* What the driver's queue gets next. */
	struct vmb_submission submission;
	/* Something was submitted: the call cannot be undone. */
	bool begun;
	/* The signals of the first so many infos are submitted, or in the submission. */
	uint32_t signaled;
};

/* The following are for executors. */

/* Whether an info of the call waits for semaphores. */
bool vmb_bind_call_has_waits(const struct vmb_bind_call *call);
/* Have the driver's queue signal gate once a batch's waits are over, and signal the batch's
 * semaphores once done is. */
void vmb_bind_call_add_gate(struct vmb_bind_call *call, uint32_t index);
void vmb_bind_call_add_done(struct vmb_bind_call *call, uint32_t index);
/* The same for an info without a batch. */
void vmb_bind_call_add_empty(struct vmb_bind_call *call, uint32_t index);
/* Submits what was added; with the fence after the last info. */
VkResult vmb_bind_call_flush(struct vmb_bind_call *call, bool is_last);
/* Hands a batch to the queue's worker. */
void vmb_bind_call_leave_to_worker(struct vmb_bind_call *call, uint32_t index);

#endif
