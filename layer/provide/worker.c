/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* pthread_setname_np */
#include "provide/worker.h"

#include <signal.h>

#include "provide/batch.h"
#include "provide/executor.h"

static void run(struct vmb_queue *queue, struct vmb_batch *batch)
{
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, queue->provide->trace, "batch");
	slice.origin = batch->origin;
	queue->provide->executor->run_on_worker(queue, batch);
	vmb_trace_end(&slice);
	vmb_batch_destroy(batch);
}

static void *worker_main(void *data)
{
	struct vmb_queue *queue = data;

	pthread_setname_np(pthread_self(), "vmbind-bind");
	vmb_trace_thread(queue->provide->trace, "vmbind-bind");
	pthread_mutex_lock(&queue->batches_lock);
	for (;;) {
		while (!queue->first && !queue->stop) {
			pthread_cond_wait(&queue->batches_changed, &queue->batches_lock);
		}
		struct vmb_batch *batch = queue->first;
		if (!batch) {
			break;
		}
		queue->first = batch->next;
		if (!queue->first) {
			queue->last = &queue->first;
		}
		pthread_mutex_unlock(&queue->batches_lock);

		run(queue, batch);

		pthread_mutex_lock(&queue->batches_lock);
		queue->pending--;
		pthread_cond_broadcast(&queue->batches_changed);
	}
	pthread_mutex_unlock(&queue->batches_lock);
	return NULL;
}

/* Blocks all signals in the worker: the application's threads handle them. */
static bool create_thread(struct vmb_queue *queue)
{
	sigset_t all;
	sigset_t before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	queue->has_worker = pthread_create(&queue->worker, NULL, worker_main, queue) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return queue->has_worker;
}

VkResult vmb_worker_start(struct vmb_queue *queue)
{
	return queue->has_worker || create_thread(queue) ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

void vmb_worker_stop(struct vmb_queue *queue)
{
	if (queue->has_worker) {
		pthread_mutex_lock(&queue->batches_lock);
		atomic_store_explicit(&queue->stop, true, memory_order_relaxed);
		pthread_cond_broadcast(&queue->batches_changed);
		pthread_mutex_unlock(&queue->batches_lock);
		pthread_join(queue->worker, NULL);
	}
}

bool vmb_worker_should_stop(const struct vmb_queue *queue)
{
	return vmb_provide_is_lost(queue->provide) ||
		atomic_load_explicit(&queue->stop, memory_order_relaxed);
}

void vmb_worker_push(struct vmb_queue *queue, struct vmb_batch *batch)
{
	pthread_mutex_lock(&queue->batches_lock);
	*queue->last = batch;
	queue->last = &batch->next;
	queue->pending++;
	pthread_cond_broadcast(&queue->batches_changed);
	pthread_mutex_unlock(&queue->batches_lock);
}

bool vmb_worker_is_idle(struct vmb_queue *queue)
{
	pthread_mutex_lock(&queue->batches_lock);
	bool idle = queue->pending == 0;
	pthread_mutex_unlock(&queue->batches_lock);
	return idle;
}

void vmb_worker_drain(struct vmb_queue *queue)
{
	pthread_mutex_lock(&queue->batches_lock);
	while (queue->pending) {
		pthread_cond_wait(&queue->batches_changed, &queue->batches_lock);
	}
	pthread_mutex_unlock(&queue->batches_lock);
}
