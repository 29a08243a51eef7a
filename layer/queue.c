/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* pthread_setname_np */
#include "queue.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "allocator.h"
#include "resource.h"

/* How long a worker waits before it looks whether it shall stop. */
#define GATE_SLICE_NS UINT64_C(50000000)

struct vmb_job *vmb_job_create(void)
{
	/* Not cleared: the plan's inline ops are most of it. */
	struct vmb_job *job = malloc(sizeof(*job));

	if (job) {
		job->next = NULL;
		job->waits = false;
		job->value = 0;
		job->holds = false;
		vmb_plan_init(&job->plan);
	}
	return job;
}

static struct vmb_resource *resource_of(const struct vmb_op *op)
{
	return (struct vmb_resource *)(uintptr_t)op->space;
}

/* The ops of one resource follow each other in a merged plan: the end of those that start there. */
static size_t end_of_space(const struct vmb_plan *plan, size_t start)
{
	size_t end = start + 1;

	while (end < plan->count && plan->ops[end].space == plan->ops[start].space) {
		end++;
	}
	return end;
}

void vmb_job_hold(struct vmb_job *job)
{
	for (size_t i = 0; i < job->plan.count; i = end_of_space(&job->plan, i)) {
		vmb_resource_ref(resource_of(&job->plan.ops[i]));
	}
	job->holds = true;
}

static void release_job(struct vmb_job *job)
{
	if (!job->holds) {
		return;
	}
	job->holds = false;
	for (size_t i = 0; i < job->plan.count; i = end_of_space(&job->plan, i)) {
		vmb_resource_unref(resource_of(&job->plan.ops[i]));
	}
}

void vmb_job_destroy(struct vmb_job *job)
{
	if (!job) {
		return;
	}
	release_job(job);
	vmb_plan_finish(&job->plan);
	free(job);
}

int vmb_queue_execute(struct vmb_device *device, const struct vmb_plan *plan)
{
	size_t start = 0;

	while (start < plan->count) {
		const struct vmb_op *ops = &plan->ops[start];
		size_t end = end_of_space(plan, start);
		size_t done;

		int ret = device->vm->impl->execute(device->vm, ops, end - start, &done);
		vmb_resource_executed(resource_of(ops), ops, done);
		if (ret < 0) {
			return ret;
		}
		start = end;
	}
	return 0;
}

/* False if the job is to be dropped. */
static bool pass_gate(struct vmb_queue *queue, const struct vmb_job *job)
{
	struct vmb_device *device = queue->device;
	const VkSemaphoreWaitInfo wait = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.semaphoreCount = 1,
		.pSemaphores = &queue->gate,
		.pValues = &job->value,
	};
	VkResult result = job->waits ? VK_TIMEOUT : VK_SUCCESS;

	while (result == VK_TIMEOUT && !vmb_device_is_lost(device) &&
		!atomic_load_explicit(&queue->stop, memory_order_relaxed)) {
		result = device->next.WaitSemaphores(device->handle, &wait, GATE_SLICE_NS);
	}
	if (result < VK_SUCCESS) {
		vmb_device_lose(device, "the driver refused a wait", -EIO);
	}
	return result == VK_SUCCESS;
}

/* If anything fails done is not signaled: what the batch should have signaled stays unsignaled. */
static void run_job(struct vmb_queue *queue, struct vmb_job *job)
{
	struct vmb_device *device = queue->device;
	const VkSemaphoreSignalInfo signal = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
		.semaphore = queue->done,
		.value = job->value,
	};

	if (!pass_gate(queue, job) || vmb_device_is_lost(device)) {
		return;
	}
	int ret = vmb_queue_execute(device, &job->plan);
	if (ret < 0) {
		vmb_device_lose(device, "a sparse bind failed", ret);
		return;
	}
	/* From the signal on the application may destroy them, and expects them gone then. */
	release_job(job);
	VkResult result = device->next.SignalSemaphore(device->handle, &signal);
	if (result != VK_SUCCESS) {
		vmb_device_lose(device, "a sparse bind could not be signaled", -EIO);
	}
}

static void *work(void *data)
{
	struct vmb_queue *queue = data;

	pthread_setname_np(pthread_self(), "vmbind-bind");
	pthread_mutex_lock(&queue->jobs_lock);
	for (;;) {
		while (!queue->first && !queue->stop) {
			pthread_cond_wait(&queue->jobs_changed, &queue->jobs_lock);
		}
		struct vmb_job *job = queue->first;
		if (!job) {
			break;
		}
		queue->first = job->next;
		if (!queue->first) {
			queue->last = &queue->first;
		}
		pthread_mutex_unlock(&queue->jobs_lock);

		run_job(queue, job);
		vmb_job_destroy(job);

		pthread_mutex_lock(&queue->jobs_lock);
		queue->pending--;
		pthread_cond_broadcast(&queue->jobs_changed);
	}
	pthread_mutex_unlock(&queue->jobs_lock);
	return NULL;
}

static struct vmb_queue *create_queue(struct vmb_device *device, VkQueue handle)
{
	struct vmb_queue *queue = calloc(1, sizeof(*queue));

	if (!queue) {
		return NULL;
	}
	queue->handle = handle;
	queue->device = device;
	queue->last = &queue->first;
	pthread_mutex_init(&queue->jobs_lock, NULL);
	pthread_cond_init(&queue->jobs_changed, NULL);
	return queue;
}

struct vmb_queue *vmb_queue_get(struct vmb_device *device, VkQueue handle)
{
	pthread_mutex_lock(&device->queues_lock);
	struct vmb_queue *queue = device->queues;
	while (queue && queue->handle != handle) {
		queue = queue->next;
	}
	if (!queue) {
		queue = create_queue(device, handle);
		if (queue) {
			queue->next = device->queues;
			device->queues = queue;
		}
	}
	pthread_mutex_unlock(&device->queues_lock);
	return queue;
}

void vmb_queue_destroy(struct vmb_queue *queue)
{
	struct vmb_device *device = queue->device;

	if (queue->has_worker) {
		pthread_mutex_lock(&queue->jobs_lock);
		atomic_store_explicit(&queue->stop, true, memory_order_relaxed);
		pthread_cond_broadcast(&queue->jobs_changed);
		pthread_mutex_unlock(&queue->jobs_lock);
		pthread_join(queue->worker, NULL);
	}
	/* A lost device's queue still waits for them. */
	if (!vmb_device_is_lost(device)) {
		device->next.DestroySemaphore(device->handle, queue->gate, &vmb_allocator);
		device->next.DestroySemaphore(device->handle, queue->done, &vmb_allocator);
	}
	pthread_cond_destroy(&queue->jobs_changed);
	pthread_mutex_destroy(&queue->jobs_lock);
	free(queue);
}

bool vmb_queue_is_idle(struct vmb_queue *queue)
{
	pthread_mutex_lock(&queue->jobs_lock);
	bool idle = queue->pending == 0;
	pthread_mutex_unlock(&queue->jobs_lock);
	return idle;
}

static VkResult create_timeline(struct vmb_device *device, VkSemaphore *out)
{
	const VkSemaphoreTypeCreateInfo type = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
	};
	const VkSemaphoreCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
		.pNext = &type,
	};

	return device->next.CreateSemaphore(device->handle, &info, &vmb_allocator, out);
}

/* Signals are for the application's threads. */
static bool create_thread(struct vmb_queue *queue)
{
	sigset_t all;
	sigset_t before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	queue->has_worker = pthread_create(&queue->worker, NULL, work, queue) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return queue->has_worker;
}

VkResult vmb_queue_start_worker(struct vmb_queue *queue)
{
	struct vmb_device *device = queue->device;
	VkResult result = VK_SUCCESS;

	if (queue->has_worker) {
		return VK_SUCCESS;
	}
	/* What an earlier try has made is used. */
	if (!queue->gate) {
		result = create_timeline(device, &queue->gate);
	}
	if (result == VK_SUCCESS && !queue->done) {
		result = create_timeline(device, &queue->done);
	}
	if (result != VK_SUCCESS) {
		return result;
	}
	return create_thread(queue) ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

void vmb_queue_push(struct vmb_queue *queue, struct vmb_job *job)
{
	pthread_mutex_lock(&queue->jobs_lock);
	*queue->last = job;
	queue->last = &job->next;
	queue->pending++;
	pthread_cond_broadcast(&queue->jobs_changed);
	pthread_mutex_unlock(&queue->jobs_lock);
}

void vmb_queue_drain(struct vmb_queue *queue)
{
	pthread_mutex_lock(&queue->jobs_lock);
	while (queue->pending) {
		pthread_cond_wait(&queue->jobs_changed, &queue->jobs_lock);
	}
	pthread_mutex_unlock(&queue->jobs_lock);
}
