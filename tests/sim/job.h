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
 * Queues of jobs: the asynchronous binds of a VM, the submits to a queue of a group. The jobs of a
 * queue run in their order, each when its waits are signalled, and take no time. The simulated
 * kernel's lock guards all of it.
 */

struct vmb_sim_job {
	struct vmb_sim_job *next;
	struct vmb_sim_fence **waits;
	size_t wait_count;
	size_t wait_capacity;
	struct vmb_sim_fence *done;
	struct vmb_sim_vm *vm; /* the VM whose map it changes; NULL if none */
	bool unmap;
	struct vmb_sim_mapping mapping; /* of an unmap, only the range */
};

struct vmb_sim_queue {
	struct vmb_sim_job *first;
	struct vmb_sim_job *last;
	struct vmb_sim_queue *next; /* in vmb_sim.queues, while it has jobs */
	bool gpu; /* of the GPU, which may be held */
};

struct vmb_sim_job *vmb_sim_job_create(void);
/* References to the VM and to the mapping's bo are taken. */
void vmb_sim_job_set_op(struct vmb_sim_job *job, struct vmb_sim_vm *vm, bool unmap,
	const struct vmb_sim_mapping *mapping);
/* Takes over the reference. */
void vmb_sim_job_add_wait(struct vmb_sim_job *job, struct vmb_sim_fence *fence);
/* Accepts NULL. */
void vmb_sim_job_destroy(struct vmb_sim_job *job);

/* Takes the job over. */
void vmb_sim_queue_push(struct vmb_sim *sim, struct vmb_sim_queue *queue, struct vmb_sim_job *job);
/* Signals the fences of jobs that have not run, and drops them. */
void vmb_sim_queue_cancel(struct vmb_sim *sim, struct vmb_sim_queue *queue);
/* Runs what can run now. To be called when a fence was signalled, or a job pushed. */
void vmb_sim_run_queues(struct vmb_sim *sim);

#endif
