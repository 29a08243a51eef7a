/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_WORKER_H
#define VMB_PROVIDE_WORKER_H

#include "provide/queue.h"

/* The worker of a queue: a thread that runs the queue's batches in order, each with
 * vmb_executor.run_on_worker. */

/* The longest wait of a worker before it checks whether it should stop. */
#define VMB_WORKER_SLICE_NS UINT64_C(50000000)

/* Creates the thread if there is none. call_lock is held. */
VkResult vmb_worker_start(struct vmb_queue *queue);
/* Ends the thread. Batches that wait for semaphores are dropped, others may still run. */
void vmb_worker_stop(struct vmb_queue *queue);
/* Whether a batch must be dropped: the device is lost, or the worker is being stopped. */
bool vmb_worker_should_stop(const struct vmb_queue *queue);

/* Hands a batch to the worker, which owns the batch from then on. Any thread, as the next two. */
void vmb_worker_push(struct vmb_queue *queue, struct vmb_batch *batch);
/* Whether no batch is pending: the next batch may run on any thread. */
bool vmb_worker_is_idle(struct vmb_queue *queue);
/* Returns when no batch is pending: each is executed, or dropped because the device is lost. */
void vmb_worker_drain(struct vmb_queue *queue);

#endif
