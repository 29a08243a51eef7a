/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_QUEUE_H
#define VMB_PROVIDE_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "provide/device.h"

struct vmb_batch;

/*
 * A VkQueue. Two timeline semaphores of the layer order a batch:
 *
 *  - the driver's queue waits for the application's semaphores and signals gate;
 *  - the executor waits for gate, runs the batch and signals done;
 *  - the driver's queue waits for done and signals the application's semaphores.
 *
 * Only the driver's queue signals gate, and only the executor signals done. So both values only
 * rise. A batch that follows no work and waits for no semaphore needs no gate.
 */
struct vmb_queue {
	struct vmb_queue *next; /* in vmb_provide.queues */
	VkQueue handle;
	struct vmb_provide *provide;

	/* Two counts of submissions to the driver's queue: all of them, and those that no bind can
	 * overtake, because a gate follows them or they have finished. */
	_Atomic uint64_t submitted;
	_Atomic uint64_t ordered;
	/* Held during vkQueueBindSparse: VK_KHR_internally_synchronized_queues permits several
	 * threads. Guards the members up to has_worker. */
	pthread_mutex_t call_lock;
	/* The value of the last batch. */
	uint64_t last_value;
	/* VK_NULL_HANDLE until vmb_queue_create_timelines(), constant afterwards. */
	VkSemaphore gate;
	VkSemaphore done;
	/* The VM's names for gate and done; 0 on a VM that executes. */
	uint32_t gate_timeline;
	uint32_t done_timeline;

	/* The thread that runs the batches that cannot run at once. */
	bool has_worker;
	pthread_t worker;
	/* The device is being destroyed: vmb_worker_stop() was called. */
	atomic_bool stop;

	/* Guards the list of the worker's batches. */
	pthread_mutex_t batches_lock;
	pthread_cond_t batches_changed;
	struct vmb_batch *first;
	struct vmb_batch **last;
	size_t pending; /* listed or running */
};

/* The object of a queue, created by the first call. The device owns it. NULL if memory is short.
 * Any thread. */
struct vmb_queue *vmb_queue_get(struct vmb_provide *provide, VkQueue handle);

/* For each submission of work, after the driver has got the work. Any thread. */
static inline void vmb_queue_add_work(struct vmb_queue *queue)
{
	atomic_fetch_add_explicit(&queue->submitted, 1, memory_order_release);
}

/* Whether the driver's queue may have work that a bind must not overtake. Any thread. */
static inline bool vmb_queue_has_work(const struct vmb_queue *queue)
{
	return atomic_load_explicit(&queue->submitted, memory_order_acquire) !=
		atomic_load_explicit(&queue->ordered, memory_order_relaxed);
}

/* For a bind that is about to submit a gate. Returns whether the bind follows work. Any thread. */
bool vmb_queue_order_work(struct vmb_queue *queue);

/* The queue's worker must be stopped. */
void vmb_queue_destroy(struct vmb_queue *queue);

/* Waits for all work of the queue. */
VkResult vmb_queue_wait_idle(struct vmb_queue *queue);
/* Creates gate and done unless they exist. call_lock is held. */
VkResult vmb_queue_create_timelines(struct vmb_queue *queue);
/* Signals done with the value of a batch by vkSignalSemaphore. */
VkResult vmb_queue_signal_done(struct vmb_queue *queue, const struct vmb_batch *batch);

#endif
