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
 * A VkQueue with a vkQueueBindSparse. Two timeline semaphores of the layer order a batch:
 *
 *  - the driver's queue waits for the application's semaphores and signals gate;
 *  - the executor waits for gate, runs the batch and signals done;
 *  - the driver's queue waits for done and signals the application's semaphores.
 *
 * Only the driver's queue signals gate, and only the executor signals done. So both values only
 * rise. A batch without waits needs no gate.
 */
struct vmb_queue {
	struct vmb_queue *next; /* in vmb_provide.queues */
	VkQueue handle;
	struct vmb_provide *provide;

	/* The value of the last batch. Externally synchronized, as the VkQueue is. */
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
/* The queue's worker must be stopped. */
void vmb_queue_destroy(struct vmb_queue *queue);

/* Creates gate and done unless they exist. The queue is externally synchronized. */
VkResult vmb_queue_create_timelines(struct vmb_queue *queue);
/* Signals done with the value of a batch by vkSignalSemaphore. */
VkResult vmb_queue_signal_done(struct vmb_queue *queue, const struct vmb_batch *batch);

#endif
