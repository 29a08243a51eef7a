/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_SUBMIT_H
#define VMB_SIM_SUBMIT_H

#include <stddef.h>
#include <stdint.h>

#include "job.h"
#include "uapi/panthor.h"

struct vmb_sim_call;

/*
 * The jobs of one asynchronous VM_BIND or one GROUP_SUBMIT, with their sync ops. Either all jobs
 * are queued or none. A job may wait for a signal of an earlier job of the same call.
 */
struct vmb_sim_submit {
	struct vmb_sim_call *call;
	struct vmb_sim_submit_job *jobs;
	size_t job_count;
	size_t job_capacity;
	struct vmb_sim_submit_signal *signals;
	size_t signal_count;
	size_t signal_capacity;
};

void vmb_sim_submit_init(struct vmb_sim_submit *submit, struct vmb_sim_call *call);
/* Takes over the job, also on an error. Returns a negative errno if the sync ops cannot be read. */
int vmb_sim_submit_add(struct vmb_sim_submit *submit, struct vmb_sim_queue *queue,
	struct vmb_sim_job *job, const struct drm_panthor_obj_array *syncs);
/* Queues the jobs and runs those that are ready. On an error, returns a negative errno and queues
 * no job. */
int vmb_sim_submit_run(struct vmb_sim_submit *submit);
void vmb_sim_submit_finish(struct vmb_sim_submit *submit);

#endif
