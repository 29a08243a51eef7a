/* SPDX-License-Identifier: MIT */
#include "provide/bind_call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "assist/assist.h"
#include "provide/bind.h"
#include "provide/queue.h"
#include "provide/submission.h"
#include "vk/chain.h"

/*
 * vkQueueBindSparse, for each of its batches one of three things:
 *
 *  - nothing to bind: the driver waits and signals.
 *  - on a VM that executes, nothing to wait for in the whole call, and nothing left of earlier calls:
 *    the plans are executed here and now, then the driver signals.
 *  - otherwise the bracket of queue.h: the driver waits and signals gate; the worker or the kernel
 *    executes the plan and signals done; the driver waits for done and signals.
 *
 * The worker or the kernel gets the job of a batch before the driver gets the next batch, because that
 * one may wait for a binary semaphore which this one signals, and a driver may block in vkQueueSubmit
 * until the signal is on its way (Mesa's common code does).
 *
 * Nothing is changed before everything that may fail for want of memory is there, as far as that is in
 * our hands: the kernel may still refuse a job.
 */
struct call {
	struct vmb_queue *queue;
	uint32_t count;
	const VkBindSparseInfo *infos;
	VkFence fence; /* taken out once it is submitted */
	/* One for each batch, NULL for those without ops; owned until they are pushed. */
	struct vmb_job **jobs;
	struct vmb_job *few_jobs[4];
	struct vmb_submission submission;
	/* Something was submitted: the call cannot be undone any more. */
	bool begun;
	/* So many batches, from the first on, have their signals in the submission, or had. */
	uint32_t told;
};

static void finish_call(struct call *call)
{
	for (uint32_t i = 0; call->jobs && i < call->count; i++) {
		vmb_job_destroy(call->jobs[i]);
	}
	if (call->jobs != call->few_jobs) {
		free(call->jobs);
	}
	vmb_submission_finish(&call->submission);
}

static VkResult plan_batch(struct call *call, uint32_t index)
{
	const VkBindSparseInfo *info = &call->infos[index];

	if (!info->bufferBindCount && !info->imageOpaqueBindCount && !info->imageBindCount) {
		return VK_SUCCESS;
	}
	struct vmb_job *job = vmb_job_create();
	if (!job) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkResult result = vmb_bind_plan(call->queue->device, info, &job->plan);
	if (result != VK_SUCCESS || job->plan.count == 0) {
		vmb_job_destroy(job);
		return result;
	}
	job->waits = info->waitSemaphoreCount > 0;
	call->jobs[index] = job;
	return VK_SUCCESS;
}

static VkResult init_call(struct call *call)
{
	uint32_t semaphores = 1;

	call->jobs = call->few_jobs;
	if (call->count > sizeof(call->few_jobs) / sizeof(call->few_jobs[0])) {
		call->jobs = calloc(call->count, sizeof(struct vmb_job *));
	}
	if (!call->jobs) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	for (uint32_t i = 0; i < call->count; i++) {
		const VkBindSparseInfo *info = &call->infos[i];
		VkResult result = plan_batch(call, i);
		if (result != VK_SUCCESS) {
			return result;
		}
		if (info->waitSemaphoreCount > semaphores) {
			semaphores = info->waitSemaphoreCount;
		}
		if (info->signalSemaphoreCount > semaphores) {
			semaphores = info->signalSemaphoreCount;
		}
	}
	if (call->count > UINT32_MAX / 2) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	return vmb_submission_init(&call->submission, 2 * call->count, semaphores);
}

static bool has_waits(const struct call *call)
{
	for (uint32_t i = 0; i < call->count; i++) {
		if (call->infos[i].waitSemaphoreCount) {
			return true;
		}
	}
	return false;
}

static bool has_jobs(const struct call *call)
{
	for (uint32_t i = 0; i < call->count; i++) {
		if (call->jobs[i]) {
			return true;
		}
	}
	return false;
}

/* Executes all plans and leaves no jobs. */
static VkResult execute_now(struct call *call)
{
	for (uint32_t i = 0; i < call->count; i++) {
		if (!call->jobs[i]) {
			continue;
		}
		int ret = vmb_queue_execute(call->queue->device, &call->jobs[i]->plan);
		if (ret < 0) {
			vmb_device_log(call->queue->device, VMB_LOG_ERROR,
				"vkQueueBindSparse: the system refused a mapping: %s",
				strerror(-ret));
			return VK_ERROR_OUT_OF_DEVICE_MEMORY;
		}
		vmb_job_destroy(call->jobs[i]);
		call->jobs[i] = NULL;
	}
	return VK_SUCCESS;
}

/* values has to be as long as the semaphores, or there are no timelines among them. */
static struct vmb_semaphores semaphores(
	uint32_t count, const VkSemaphore *handles, uint32_t value_count, const uint64_t *values)
{
	return (struct vmb_semaphores){
		.count = count,
		.handles = handles,
		.values = value_count == count ? values : NULL,
	};
}

/* What a batch waits for and what it signals. */
struct batch_semaphores {
	struct vmb_semaphores waits;
	struct vmb_semaphores signals;
};

static struct batch_semaphores semaphores_of(const VkBindSparseInfo *info)
{
	const VkTimelineSemaphoreSubmitInfo none = { 0 };
	const VkTimelineSemaphoreSubmitInfo *timeline = vmb_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);

	if (!timeline) {
		timeline = &none;
	}
	return (struct batch_semaphores){
		.waits = semaphores(info->waitSemaphoreCount, info->pWaitSemaphores,
			timeline->waitSemaphoreValueCount, timeline->pWaitSemaphoreValues),
		.signals = semaphores(info->signalSemaphoreCount, info->pSignalSemaphores,
			timeline->signalSemaphoreValueCount, timeline->pSignalSemaphoreValues),
	};
}

static void add_batch(struct call *call, const VkBindSparseInfo *info)
{
	struct batch_semaphores batch = semaphores_of(info);

	call->told++;
	if (batch.waits.count || batch.signals.count) {
		vmb_submission_add(&call->submission, &batch.waits, &batch.signals);
	}
}

static void add_gate(struct call *call, const VkBindSparseInfo *info, const struct vmb_job *job)
{
	struct batch_semaphores batch = semaphores_of(info);
	struct vmb_semaphores gate = semaphores(1, &call->queue->gate, 1, &job->value);

	if (job->waits) {
		vmb_submission_add(&call->submission, &batch.waits, &gate);
	}
}

static void add_done(struct call *call, const VkBindSparseInfo *info, const struct vmb_job *job)
{
	struct batch_semaphores batch = semaphores_of(info);
	struct vmb_semaphores done = semaphores(1, &call->queue->done, 1, &job->value);

	call->told++;
	vmb_submission_add(&call->submission, &done, &batch.signals);
}

/* Submits what was added since the last time. */
static VkResult flush(struct call *call, bool is_last)
{
	struct vmb_submission *submission = &call->submission;
	VkFence fence = is_last ? call->fence : VK_NULL_HANDLE;

	if (!submission->count && !fence) {
		return VK_SUCCESS;
	}
	VkResult result = call->queue->device->next.QueueSubmit(
		call->queue->handle, submission->count, submission->infos, fence);
	if (result == VK_SUCCESS) {
		call->begun = true;
		submission->count = 0;
		if (is_last) {
			call->fence = VK_NULL_HANDLE;
		}
	}
	return result;
}

static void leave_to_worker(struct call *call, uint32_t index)
{
	struct vmb_job *job = call->jobs[index];

	call->jobs[index] = NULL;
	call->begun = true;
	vmb_job_hold(job);
	if (call->queue->device->trace) {
		job->origin = vmb_trace_origin();
	}
	vmb_queue_push(call->queue, job);
}

/* A batch that the worker executes. */
static VkResult submit_bracket(struct call *call, uint32_t index)
{
	const VkBindSparseInfo *info = &call->infos[index];

	add_gate(call, info, call->jobs[index]);
	add_done(call, info, call->jobs[index]);
	VkResult result = flush(call, index + 1 == call->count);
	if (result == VK_SUCCESS) {
		leave_to_worker(call, index);
	}
	return result;
}

static VkResult give_to_kernel(struct call *call, const struct vmb_job *job)
{
	struct vmb_device *device = call->queue->device;

	int ret = vmb_queue_submit(call->queue, job);
	if (ret == 0) {
		call->begun = true;
		return VK_SUCCESS;
	}
	vmb_device_log(device, VMB_LOG_ERROR, "vkQueueBindSparse: the kernel refused a bind: %s",
		strerror(-ret));
	if (ret == -ENOMEM || ret == -ENOSPC) {
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	/* There is nothing to refuse in what it was given, if the address space is in order. */
	vmb_device_lose(device, "a sparse bind failed", ret);
	return VK_ERROR_DEVICE_LOST;
}

/*
 * A batch that the kernel executes. It refuses to wait for what has not been submitted, as the signal of
 * gate has not while the driver itself keeps the batch back, for a semaphore whose signal is still
 * to come.
 */
static VkResult submit_async(struct call *call, uint32_t index)
{
	const VkBindSparseInfo *info = &call->infos[index];
	struct vmb_job *job = call->jobs[index];
	VkResult result = VK_SUCCESS;

	if (job->waits) {
		add_gate(call, info, job);
		result = flush(call, false);
	}
	if (result != VK_SUCCESS) {
		return result;
	}
	/* The submission keeps a pointer to the value, the worker may free the job. */
	if (vmb_queue_may_submit(call->queue, job)) {
		result = give_to_kernel(call, job);
		if (result == VK_SUCCESS) {
			add_done(call, info, job);
		}
		return result;
	}
	result = vmb_queue_start_worker(call->queue);
	if (result == VK_SUCCESS) {
		add_done(call, info, job);
		result = flush(call, index + 1 == call->count);
	}
	if (result == VK_SUCCESS) {
		leave_to_worker(call, index);
	}
	return result;
}

static VkResult submit_job(struct call *call, uint32_t index)
{
	call->jobs[index]->value = ++call->queue->last_value;
	return vmb_vm_is_async(call->queue->device->vm) ? submit_async(call, index)
							: submit_bracket(call, index);
}

/*
 * Others may wait already for what the call was to signal, and on a VM that submits their waits are not
 * cut. So the driver's queue gets all the rest of a call that has lost the device, and the worker
 * what was not given to the kernel: it signals done of such jobs, and executes none.
 */
static void let_waiters_go(struct call *call)
{
	struct vmb_queue *queue = call->queue;

	if (!vmb_vm_is_async(queue->device->vm) || vmb_queue_start_worker(queue) != VK_SUCCESS) {
		return;
	}
	for (uint32_t i = call->told; i < call->count; i++) {
		struct vmb_job *job = call->jobs[i];
		if (!job) {
			add_batch(call, &call->infos[i]);
			continue;
		}
		job->value = job->value ? job->value : ++queue->last_value;
		add_done(call, &call->infos[i], job);
		if (flush(call, i + 1 == call->count) != VK_SUCCESS) {
			return;
		}
		leave_to_worker(call, i);
	}
	flush(call, true);
}

static VkResult submit(struct call *call)
{
	struct vmb_device *device = call->queue->device;
	VkResult result = VK_SUCCESS;

	for (uint32_t i = 0; i < call->count && result == VK_SUCCESS; i++) {
		if (call->jobs[i]) {
			result = submit_job(call, i);
		} else {
			add_batch(call, &call->infos[i]);
		}
	}
	if (result == VK_SUCCESS) {
		result = flush(call, true);
	}
	if (result != VK_SUCCESS && call->begun) {
		/* Part of the call is under way, which is not to be had from any other error. */
		vmb_device_lose(device, "a submission failed halfway", -EIO);
	}
	if (result != VK_SUCCESS && vmb_device_is_lost(device)) {
		let_waiters_go(call);
		return VK_ERROR_DEVICE_LOST;
	}
	return result;
}

/* Has ready what the jobs need, on a VM that executes perhaps the jobs themselves done. */
static VkResult prepare_jobs(struct call *call)
{
	struct vmb_queue *queue = call->queue;
	bool is_async = vmb_vm_is_async(queue->device->vm);
	bool now = !is_async && !has_waits(call) && vmb_queue_is_idle(queue);

	vmb_device_log(queue->device, VMB_LOG_DEBUG, "vkQueueBindSparse: %u batches, %s",
		call->count,
		is_async      ? "given to the kernel"
			: now ? "executed at once"
			      : "left to the worker");
	if (now) {
		return execute_now(call);
	}
	VkResult result = vmb_queue_make_timelines(queue);
	return result == VK_SUCCESS && !is_async ? vmb_queue_start_worker(queue) : result;
}

static VkResult bind_sparse(struct call *call)
{
	VkResult result = init_call(call);

	if (result == VK_SUCCESS && has_jobs(call)) {
		result = prepare_jobs(call);
	}
	return result == VK_SUCCESS ? submit(call) : result;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_QueueBindSparse(
	VkQueue handle, uint32_t count, const VkBindSparseInfo *infos, VkFence fence)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct call call = { .count = count, .infos = infos, .fence = fence };

	if (device->route == VMB_ROUTE_ASSIST) {
		return vmb_assist_bind(device, handle, count, infos, fence);
	}
	if (!device->vm) {
		return device->next.QueueBindSparse(handle, count, infos, fence);
	}
	if (vmb_device_is_lost(device)) {
		return VK_ERROR_DEVICE_LOST;
	}
	call.queue = vmb_queue_get(device, handle);
	if (!call.queue) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	vmb_count(&device->stats.bind_calls, 1);
	vmb_count(&device->stats.batches, count);
	VkResult result = bind_sparse(&call);
	finish_call(&call);
	return result;
}
