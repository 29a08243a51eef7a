/* SPDX-License-Identifier: MIT */
#include "job.h"

#include <stdlib.h>

#include "alloc.h"
#include "kernel.h"
#include "vm.h"

struct vmb_sim_job *vmb_sim_job_create(void)
{
	struct vmb_sim_job *job = vmb_sim_alloc(sizeof(*job));
	job->done = vmb_sim_fence_create(false);
	return job;
}

void vmb_sim_job_set_op(struct vmb_sim_job *job, struct vmb_sim_vm *vm, bool unmap,
	const struct vmb_sim_mapping *mapping)
{
	job->vm = vmb_sim_vm_ref(vm);
	job->unmap = unmap;
	job->mapping = *mapping;
	if (mapping->bo) {
		vmb_sim_bo_ref(mapping->bo);
	}
}

void vmb_sim_job_add_wait(struct vmb_sim_job *job, struct vmb_sim_fence *fence)
{
	job->waits = vmb_sim_grow(
		job->waits, job->wait_count, &job->wait_capacity, sizeof(*job->waits));
	job->waits[job->wait_count++] = fence;
}

void vmb_sim_job_destroy(struct vmb_sim_job *job)
{
	if (!job) {
		return;
	}
	for (size_t i = 0; i < job->wait_count; i++) {
		vmb_sim_fence_unref(job->waits[i]);
	}
	free(job->waits);
	vmb_sim_fence_unref(job->done);
	if (job->mapping.bo) {
		vmb_sim_bo_unref(job->mapping.bo);
	}
	if (job->vm) {
		vmb_sim_vm_unref(job->vm);
	}
	free(job);
}

void vmb_sim_queue_push(struct vmb_sim *sim, struct vmb_sim_queue *queue, struct vmb_sim_job *job)
{
	if (queue->last) {
		queue->last->next = job;
	} else {
		queue->first = job;
		queue->next = sim->queues;
		sim->queues = queue;
	}
	queue->last = job;
}

static void remove_queue(struct vmb_sim *sim, struct vmb_sim_queue *queue)
{
	struct vmb_sim_queue **link = &sim->queues;
	while (*link != queue) {
		link = &(*link)->next;
	}
	*link = queue->next;
}

/* The job may hold the last reference to the VM that owns the queue. Destroying the job may destroy
 * the queue. */
static struct vmb_sim_job *pop_job(struct vmb_sim *sim, struct vmb_sim_queue *queue)
{
	struct vmb_sim_job *job = queue->first;
	queue->first = job->next;
	if (!queue->first) {
		queue->last = NULL;
		remove_queue(sim, queue);
	}
	return job;
}

void vmb_sim_queue_cancel(struct vmb_sim *sim, struct vmb_sim_queue *queue)
{
	struct vmb_sim_job *next = queue->first;
	if (!next) {
		return;
	}
	remove_queue(sim, queue);
	queue->first = NULL;
	queue->last = NULL;
	while (next) {
		struct vmb_sim_job *job = next;
		next = job->next;
		job->done->signaled = true;
		vmb_sim_job_destroy(job);
	}
}

static bool is_ready(const struct vmb_sim_job *job)
{
	for (size_t i = 0; i < job->wait_count; i++) {
		if (!vmb_sim_fence_is_signaled(job->waits[i])) {
			return false;
		}
	}
	return true;
}

static void run_job(struct vmb_sim_job *job)
{
	if (job->vm && job->unmap) {
		vmb_sim_gpuvm_unmap(&job->vm->map, job->mapping.va, job->mapping.size);
	} else if (job->vm) {
		vmb_sim_gpuvm_map(&job->vm->map, &job->mapping);
	}
	job->done->signaled = true;
}

static bool run_first_ready(struct vmb_sim *sim)
{
	for (struct vmb_sim_queue *queue = sim->queues; queue; queue = queue->next) {
		bool held = queue->gpu && sim->gpu_held;
		if (!held && is_ready(queue->first)) {
			struct vmb_sim_job *job = pop_job(sim, queue);
			run_job(job);
			vmb_sim_job_destroy(job);
			return true;
		}
	}
	return false;
}

void vmb_sim_run_queues(struct vmb_sim *sim)
{
	/* Each job may make jobs of other queues ready. */
	while (run_first_ready(sim)) {
	}
	pthread_cond_broadcast(&sim->changed);
}
