/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_WORKER_H
#define VMB_PROVIDE_WORKER_H

#include "provide/queue.h"

/* The worker of a queue: a thread that runs the queue's batches in order, each with
 * vmb_executor.run_on_worker. */

/* How long a worker waits before it looks whether it should stop. */
#define VMB_WORKER_SLICE_NS UINT64_C(50000000)

/* Creates the thread if there is none. The queue's timelines must be there. */
VkResult vmb_worker_start(struct vmb_queue *queue);
/* Ends the thread. Batches that wait for their gate are dropped. */
void vmb_worker_stop(struct vmb_queue *queue);
/* Whether a batch must be dropped: the device is lost, or the worker is being stopped. */
bool vmb_worker_should_stop(const struct vmb_queue *queue);

/* Hands a batch over. Any thread, as the next two. */
void vmb_worker_push(struct vmb_queue *queue, struct vmb_batch *batch);
/* Whether no batch is left: the next one may run on any thread. */
bool vmb_worker_is_idle(struct vmb_queue *queue);
/* Returns when every batch was executed, or dropped because the device is lost. */
void vmb_worker_drain(struct vmb_queue *queue);

#endif
