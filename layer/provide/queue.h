/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_QUEUE_H
#define VMB_PROVIDE_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "plan/plan.h"
#include "vk/device.h"

/* The plan of one batch, to be executed by the queue's worker. */
struct vmb_job {
	struct vmb_job *next;
	/* Whether the batch waits for semaphores: the gate stands at value once they are signaled. */
	bool waits;
	/* What done is signaled with once the plan is executed. */
	uint64_t value;
	/* The resources of the plan are held. */
	bool holds;
	/* The call that it is done for, if that is traced. */
	struct vmb_trace_origin origin;
	struct vmb_plan plan;
};

/*
 * A VkQueue that binds. Batches are bracketed by two timeline semaphores of the layer's own: the
 * driver's queue signals gate when a batch may run, whoever runs it signals done when it has, and the
 * driver's queue goes on to signal what the application asked for. Each is signaled by one side
 * alone, so that its value only ever rises.
 *
 * On a VM that executes, a worker thread runs the batches that have to wait. On one that submits the
 * kernel runs all, and the worker keeps those that wait for something which has not been submitted
 * itself: the kernel takes no promises.
 */
struct vmb_queue {
	struct vmb_queue *next; /* in vmb_device.queues */
	VkQueue handle;
	struct vmb_device *device;

	/* Externally synchronized, as the VkQueue is. */
	uint64_t last_value;

	/* NULL handles until they are needed, constant from then on. */
	VkSemaphore gate;
	VkSemaphore done;
	/* The VM's names for them, if it submits. */
	uint32_t gate_timeline;
	uint32_t done_timeline;
	bool has_worker;
	pthread_t worker;
	/* The device goes: leave what has not run. */
	atomic_bool stop;

	/* Guards the jobs. */
	pthread_mutex_t jobs_lock;
	pthread_cond_t jobs_changed;
	struct vmb_job *first;
	struct vmb_job **last;
	size_t pending; /* listed or running */
};

/* The object of a queue, made when it is first bound on; NULL if memory is short. */
struct vmb_queue *vmb_queue_get(struct vmb_device *device, VkQueue handle);
/* Stops the worker, which leaves what has not run. */
void vmb_queue_stop(struct vmb_queue *queue);
/* The queue must have been stopped. */
void vmb_queue_destroy(struct vmb_queue *queue);

/* Nothing is left for the worker to do: the next batch may run anywhere. */
bool vmb_queue_is_idle(struct vmb_queue *queue);
/* Makes sure that there are gate and done. */
VkResult vmb_queue_make_timelines(struct vmb_queue *queue);
/* Makes sure that there is a worker. The timelines must be there. */
VkResult vmb_queue_start_worker(struct vmb_queue *queue);
/* Hands over a job. */
void vmb_queue_push(struct vmb_queue *queue, struct vmb_job *job);
/* Returns when all jobs were executed, or dropped because the device was lost. */
void vmb_queue_drain(struct vmb_queue *queue);

/* Executes a plan and records what was done; a negative errno value if an op failed, those before
 * it being done. */
int vmb_queue_execute(struct vmb_device *device, const struct vmb_plan *plan);
/* Whether the kernel would take a job now: what its gate waits for has been submitted. */
bool vmb_queue_may_submit(struct vmb_queue *queue, const struct vmb_job *job);
/* Gives the kernel a job, which is behind all that it was given before. Negative errno. */
int vmb_queue_submit(struct vmb_queue *queue, const struct vmb_job *job);

struct vmb_job *vmb_job_create(void);
/* Accepts NULL. */
void vmb_job_destroy(struct vmb_job *job);
/* Keeps the resources of the plan from going before the job does. The application must not destroy
 * them so early, but if it does, a bind shall not hit what has come to lie in their place. */
void vmb_job_hold(struct vmb_job *job);

#endif
