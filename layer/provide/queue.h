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
 * A VkQueue that binds. Two timeline semaphores of the layer bracket a batch: the driver's queue
 * signals gate when the batch may run, the executor signals done when it has, and the driver's
 * queue waits for done before it signals the application's semaphores. Each timeline has one side
 * that signals it, so its value only rises.
 */
struct vmb_queue {
	struct vmb_queue *next; /* in vmb_provide.queues */
	VkQueue handle;
	struct vmb_provide *provide;

	/* Of the last batch; externally synchronized, as the VkQueue is. */
	uint64_t last_value;

	/* VK_NULL_HANDLE until they are needed, constant from then on. */
	VkSemaphore gate;
	VkSemaphore done;
	/* The VM's names for them; 0 on a VM that executes. */
	uint32_t gate_timeline;
	uint32_t done_timeline;

	/* The thread that runs the batches that have to wait. */
	bool has_worker;
	pthread_t worker;
	/* The device is being destroyed: batches that have not run are dropped. */
	atomic_bool stop;

	/* Guards the list of the worker's batches. */
	pthread_mutex_t batches_lock;
	pthread_cond_t batches_changed;
	struct vmb_batch *first;
	struct vmb_batch **last;
	size_t pending; /* listed or running */
};

/* The object of a queue, created when the queue is first bound on; NULL if memory is short. Any
 * thread. */
struct vmb_queue *vmb_queue_get(struct vmb_provide *provide, VkQueue handle);
/* The worker must have been stopped. */
void vmb_queue_destroy(struct vmb_queue *queue);

/* Creates gate and done if they are not there yet. */
VkResult vmb_queue_create_timelines(struct vmb_queue *queue);
/* Signals done with the value of a batch, from the host. */
VkResult vmb_queue_signal_done(struct vmb_queue *queue, const struct vmb_batch *batch);

#endif
