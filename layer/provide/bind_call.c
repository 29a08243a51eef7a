/* SPDX-License-Identifier: MIT */
#include "provide/bind_call.h"

#include <errno.h>
#include <stdlib.h>

#include "provide/bind.h"
#include "provide/commands.h"
#include "provide/executor.h"
#include "provide/worker.h"
#include "vk/chain.h"

/*
 * vkQueueBindSparse in three steps: plan, run, signal.
 *
 * plan turns each VkBindSparseInfo into a batch of ops, and allocates the call's memory. A failure
 * here changes nothing.
 *
 * run prepares the executor and passes it each batch. An info without binds only synchronizes: the
 * driver waits and signals.
 *
 * signal submits the remaining semaphores to the driver, with the fence.
 */

static VkResult plan_batch(struct vmb_bind_call *call, uint32_t index)
{
	const VkBindSparseInfo *info = &call->infos[index];

	if (!info->bufferBindCount && !info->imageOpaqueBindCount && !info->imageBindCount) {
		return VK_SUCCESS;
	}
	struct vmb_batch *batch = vmb_batch_create();
	if (!batch) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkResult result = vmb_bind_plan(call->queue->provide, info, &batch->plan);
	if (result != VK_SUCCESS || batch->plan.count == 0) {
		vmb_batch_destroy(batch);
		return result;
	}
	call->batches[index] = batch;
	return VK_SUCCESS;
}

static VkResult plan(struct vmb_bind_call *call)
{
	uint32_t semaphores = 1;

	call->batches = call->few_batches;
	if (call->count > sizeof(call->few_batches) / sizeof(call->few_batches[0])) {
		call->batches = calloc(call->count, sizeof(struct vmb_batch *));
	}
	if (!call->batches || call->count > UINT32_MAX / 2) {
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
	return vmb_submission_init(&call->submission, 2 * call->count, semaphores);
}

static bool has_batches(const struct vmb_bind_call *call)
{
	for (uint32_t i = 0; i < call->count; i++) {
		if (call->batches[i]) {
			return true;
		}
	}
	return false;
}

bool vmb_bind_call_has_waits(const struct vmb_bind_call *call)
{
	for (uint32_t i = 0; i < call->count; i++) {
		if (call->infos[i].waitSemaphoreCount) {
			return true;
		}
	}
	return false;
}

/* If the number of values differs from the number of semaphores, no semaphore is a timeline, and
 * the values are ignored. */
static struct vmb_semaphores semaphores(
	uint32_t count, const VkSemaphore *handles, uint32_t value_count, const uint64_t *values)
{
	return (struct vmb_semaphores){
		.count = count,
		.handles = handles,
		.values = value_count == count ? values : NULL,
	};
}

/* The semaphores of an info. */
struct info_semaphores {
	struct vmb_semaphores waits;
	struct vmb_semaphores signals;
};

static struct info_semaphores semaphores_of(const VkBindSparseInfo *info)
{
	const VkTimelineSemaphoreSubmitInfo none = { 0 };
	const VkTimelineSemaphoreSubmitInfo *timeline = vmb_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);

	if (!timeline) {
		timeline = &none;
	}
	return (struct info_semaphores){
		.waits = semaphores(info->waitSemaphoreCount, info->pWaitSemaphores,
			timeline->waitSemaphoreValueCount, timeline->pWaitSemaphoreValues),
		.signals = semaphores(info->signalSemaphoreCount, info->pSignalSemaphores,
			timeline->signalSemaphoreValueCount, timeline->pSignalSemaphoreValues),
	};
}

void vmb_bind_call_add_empty(struct vmb_bind_call *call, uint32_t index)
{
	struct info_semaphores of_info = semaphores_of(&call->infos[index]);

	call->signaled++;
	call->adds_work |= of_info.waits.count != 0;
	if (of_info.waits.count || of_info.signals.count) {
		vmb_submission_add(&call->submission, &of_info.waits, &of_info.signals);
	}
}

void vmb_bind_call_add_gate(struct vmb_bind_call *call, uint32_t index)
{
	const struct vmb_batch *batch = call->batches[index];
	struct info_semaphores of_info = semaphores_of(&call->infos[index]);
	struct vmb_semaphores gate = semaphores(1, &call->queue->gate, 1, &batch->value);

	if (batch->gated) {
		vmb_submission_add(&call->submission, &of_info.waits, &gate);
	}
}

void vmb_bind_call_add_done(struct vmb_bind_call *call, uint32_t index)
{
	const struct vmb_batch *batch = call->batches[index];
	struct info_semaphores of_info = semaphores_of(&call->infos[index]);
	struct vmb_semaphores done = semaphores(1, &call->queue->done, 1, &batch->value);

	call->signaled++;
	vmb_submission_add(&call->submission, &done, &of_info.signals);
}

VkResult vmb_bind_call_flush(struct vmb_bind_call *call, bool is_last)
{
	struct vmb_submission *submission = &call->submission;
	VkFence fence = is_last ? call->fence : VK_NULL_HANDLE;

	if (!submission->count && !fence) {
		return VK_SUCCESS;
	}
	VkResult result = call->queue->provide->next.QueueSubmit(
		call->queue->handle, submission->count, submission->infos, fence);
	if (result != VK_SUCCESS) {
		return result;
	}
	call->begun = true;
	submission->count = 0;
	if (is_last) {
		call->fence = VK_NULL_HANDLE;
	}
	if (call->adds_work) {
		vmb_queue_add_work(call->queue);
		call->adds_work = false;
	}
	return VK_SUCCESS;
}

void vmb_bind_call_leave_to_worker(struct vmb_bind_call *call, uint32_t index)
{
	struct vmb_batch *batch = call->batches[index];

	call->batches[index] = NULL;
	call->begun = true;
	vmb_batch_hold_resources(batch);
	batch->origin = vmb_trace_origin(call->queue->provide->trace);
	vmb_worker_push(call->queue, batch);
}

/*
 * Gives a batch its place in the order of the queue. Applications submit work, bind without
 * semaphores and submit again, and expect that the bind happens between the two. Drivers keep this
 * order. So a batch that follows other work is gated, although it waits for no semaphore.
 */
static void order_batch(struct vmb_bind_call *call, uint32_t index)
{
	struct vmb_batch *batch = call->batches[index];
	bool follows_work = vmb_queue_order_work(call->queue) || call->adds_work;

	call->adds_work = false;
	batch->value = ++call->queue->last_value;
	batch->gated = follows_work || call->infos[index].waitSemaphoreCount;
}

static VkResult run(struct vmb_bind_call *call)
{
	VkResult result = VK_SUCCESS;

	for (uint32_t i = 0; i < call->count && result == VK_SUCCESS; i++) {
		if (call->batches[i]) {
			order_batch(call, i);
			result = call->queue->provide->executor->run(call, i);
		} else {
			vmb_bind_call_add_empty(call, i);
		}
	}
	return result;
}

static VkResult signal(struct vmb_bind_call *call)
{
	return vmb_bind_call_flush(call, true);
}

/* A call that has begun cannot be undone: the device is lost. */
static VkResult fail_call(struct vmb_bind_call *call, VkResult result)
{
	struct vmb_provide *provide = call->queue->provide;

	/* The gate that orders earlier work may be missing. */
	vmb_queue_add_work(call->queue);
	if (call->begun) {
		vmb_provide_lose(provide, "vkQueueBindSparse failed part-way", -EIO);
	}
	if (!vmb_provide_is_lost(provide)) {
		return result;
	}
	provide->executor->abandon(call);
	return VK_ERROR_DEVICE_LOST;
}

static VkResult plan_run_signal(struct vmb_bind_call *call)
{
	VkResult result = plan(call);

	if (result == VK_SUCCESS && has_batches(call)) {
		result = call->queue->provide->executor->prepare(call);
	}
	if (result != VK_SUCCESS) {
		return result;
	}
	result = run(call);
	if (result == VK_SUCCESS) {
		result = signal(call);
	}
	return result == VK_SUCCESS ? VK_SUCCESS : fail_call(call, result);
}

static void bind_call_finish(struct vmb_bind_call *call)
{
	for (uint32_t i = 0; call->batches && i < call->count; i++) {
		vmb_batch_destroy(call->batches[i]);
	}
	if (call->batches != call->few_batches) {
		free(call->batches);
	}
	vmb_submission_finish(&call->submission);
}

static VKAPI_ATTR VkResult VKAPI_CALL bind_sparse(
	VkQueue handle, uint32_t count, const VkBindSparseInfo *infos, VkFence fence)
{
	struct vmb_provide *provide = vmb_provide_of(handle);
	struct vmb_bind_call call = { .count = count, .infos = infos, .fence = fence };

	if (vmb_provide_is_lost(provide)) {
		return VK_ERROR_DEVICE_LOST;
	}
	call.queue = vmb_queue_get(provide, handle);
	if (!call.queue) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	vmb_count(&provide->device->statistics.bind_calls, 1);
	vmb_count(&provide->device->statistics.batches, count);
	pthread_mutex_lock(&call.queue->call_lock);
	VkResult result = plan_run_signal(&call);
	pthread_mutex_unlock(&call.queue->call_lock);
	bind_call_finish(&call);
	return result;
}

const struct vmb_device_commands vmb_provide_bind_commands = {
	.QueueBindSparse = bind_sparse,
};
