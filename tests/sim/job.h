/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_JOB_H
#define VMB_SIM_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "fence.h"
#include "gpuvm.h"

struct vmb_sim;
struct vmb_sim_vm;

/*
 * Queues of jobs: the asynchronous binds of a VM, and the submits to a queue of a group. The jobs
 * of a queue run in order. A job runs when its waits are signalled, and takes no time. The
 * simulated kernel's lock guards all queues and jobs.
 */

struct vmb_sim_job {
	struct vmb_sim_job *next;
	struct vmb_sim_fence **waits;
	size_t wait_count;
	size_t wait_capacity;
	struct vmb_sim_fence *done;
	struct vmb_sim_vm *vm; /* the VM that the job changes, or NULL */
	bool unmap;
	struct vmb_sim_mapping mapping; /* an unmap uses only the range */
};

struct vmb_sim_queue {
	struct vmb_sim_job *first;
	struct vmb_sim_job *last;
	struct vmb_sim_queue *next; /* in vmb_sim.queues, while the queue has jobs */
	bool gpu; /* vmb_sim_hold_gpu() stops the queue */
};

struct vmb_sim_job *vmb_sim_job_create(void);
/* Adds references to the VM and to the mapping's bo. */
void vmb_sim_job_set_op(struct vmb_sim_job *job, struct vmb_sim_vm *vm, bool unmap,
	const struct vmb_sim_mapping *mapping);
/* Takes over the caller's reference to the fence. */
void vmb_sim_job_add_wait(struct vmb_sim_job *job, struct vmb_sim_fence *fence);
/* Accepts NULL. */
void vmb_sim_job_destroy(struct vmb_sim_job *job);

/* Takes over the job. */
void vmb_sim_queue_push(struct vmb_sim *sim, struct vmb_sim_queue *queue, struct vmb_sim_job *job);
/* Destroys the pending jobs and signals their fences. */
void vmb_sim_queue_cancel(struct vmb_sim *sim, struct vmb_sim_queue *queue);
/* Runs every job whose waits are signalled. The caller calls this after it signals a fence or
 * pushes a job. */
void vmb_sim_run_queues(struct vmb_sim *sim);

#endif
