/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "provide/bind_call.h"
#include "provide/executor.h"
#include "provide/waits.h"
#include "provide/worker.h"
#include "vk/allocator.h"

/*
 * The executor of a VM that executes. The caller executes a call that need not wait if the queue's
 * worker is idle. Otherwise the queue's worker executes each batch after the batch's gate
 * is signaled.
 */

/* Executes and destroys all batches. */
static VkResult execute_all(struct vmb_bind_call *call)
{
	struct vmb_provide *provide = call->queue->provide;

	for (uint32_t i = 0; i < call->count; i++) {
		if (!call->batches[i]) {
			continue;
		}
		int ret = vmb_batch_execute(provide, call->batches[i]);
		if (ret < 0) {
			vmb_provide_log(provide, VMB_LOG_ERROR,
				"vkQueueBindSparse: cannot map memory: %s", strerror(-ret));
			return VK_ERROR_OUT_OF_DEVICE_MEMORY;
		}
		vmb_batch_destroy(call->batches[i]);
		call->batches[i] = NULL;
	}
	return VK_SUCCESS;
}

/* Submits a fence behind all submissions of the queue and waits for the fence. This wait can be
 * sliced; the driver's vkQueueWaitIdle cannot. */
static VkResult wait_idle(struct vmb_provide *provide, VkQueue handle)
{
	const VkFenceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
	VkDevice device = provide->device->handle;
	VkFence fence;

	VkResult result = provide->next.CreateFence(device, &info, &vmb_allocator, &fence);
	if (result != VK_SUCCESS) {
		return result;
	}
	result = provide->next.QueueSubmit(handle, 0, NULL, fence);
	if (result == VK_SUCCESS) {
		result = vmb_wait_for_fence(provide, fence);
	}
	/* The driver of a lost device may still signal the fence. */
	if (!vmb_provide_is_lost(provide)) {
		provide->next.DestroyFence(device, fence, &vmb_allocator);
	}
	return result;
}

/* For a process that cannot start a thread. The caller waits for the queue's work and executes the
 * call. A call that waits for semaphores fails, because the caller may have to signal them. */
static VkResult execute_without_worker(struct vmb_bind_call *call, VkResult failure)
{
	struct vmb_queue *queue = call->queue;

	if (vmb_bind_call_has_waits(call) || !vmb_worker_is_idle(queue)) {
		vmb_provide_log(queue->provide, VMB_LOG_ERROR,
			"vkQueueBindSparse: cannot start a thread for a bind that waits: "
			"raise the limit on processes (ulimit -u) or free memory");
		return failure;
	}
	VkResult result = vmb_queue_wait_idle(queue);
	return result == VK_SUCCESS ? execute_all(call) : result;
}

static VkResult prepare(struct vmb_bind_call *call)
{
	struct vmb_queue *queue = call->queue;
	bool now = !vmb_queue_has_work(queue) && !vmb_bind_call_has_waits(call) &&
		vmb_worker_is_idle(queue);

	vmb_provide_log(queue->provide, VMB_LOG_DEBUG, "vkQueueBindSparse: %u batches, %s",
		call->count, now ? "executed at once" : "queued for the worker");
	if (now) {
		return execute_all(call);
	}
	VkResult result = vmb_worker_start(queue);
	if (result != VK_SUCCESS) {
		return execute_without_worker(call, result);
	}
	return vmb_queue_create_timelines(queue);
}

static VkResult run(struct vmb_bind_call *call, uint32_t index)
{
	vmb_bind_call_add_gate(call, index);
	vmb_bind_call_add_done(call, index);
	VkResult result = vmb_bind_call_flush(call, index + 1 == call->count);
	if (result == VK_SUCCESS) {
		vmb_bind_call_leave_to_worker(call, index);
	}
	return result;
}

/* Waits are sliced here, so all waits on a lost device end without a signal. */
static void abandon(struct vmb_bind_call *call)
{
	(void)call;
}

/* False if the batch must be dropped. */
static bool wait_for_gate(struct vmb_queue *queue, const struct vmb_batch *batch)
{
	struct vmb_provide *provide = queue->provide;
	const VkSemaphoreWaitInfo wait = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.semaphoreCount = 1,
		.pSemaphores = &queue->gate,
		.pValues = &batch->value,
	};
	VkResult result = batch->gated ? VK_TIMEOUT : VK_SUCCESS;

	while (result == VK_TIMEOUT && !vmb_worker_should_stop(queue)) {
		result = provide->next.WaitSemaphores(
			provide->device->handle, &wait, VMB_WORKER_SLICE_NS);
	}
	if (result < VK_SUCCESS) {
		vmb_provide_lose(provide, "vkWaitSemaphores failed in the worker", -EIO);
	}
	return result == VK_SUCCESS;
}

/* On failure neither done nor the batch's semaphores are signaled. */
static void run_on_worker(struct vmb_queue *queue, struct vmb_batch *batch)
{
	struct vmb_provide *provide = queue->provide;

	if (!wait_for_gate(queue, batch) || vmb_provide_is_lost(provide)) {
		return;
	}
	int ret = vmb_batch_execute(provide, batch);
	if (ret < 0) {
		vmb_provide_lose(provide, "a sparse bind failed", ret);
		return;
	}
	/* Release before the signal: after it the application may destroy the resources, and
	 * expects their memory to be free. */
	vmb_batch_release_resources(batch);
	if (vmb_queue_signal_done(queue, batch) != VK_SUCCESS) {
		vmb_provide_lose(provide, "vkSignalSemaphore failed after a sparse bind", -EIO);
	}
}

static void drain(struct vmb_provide *provide)
{
	for (struct vmb_queue *queue = provide->queues; queue; queue = queue->next) {
		vmb_worker_drain(queue);
	}
}

const struct vmb_executor vmb_executor_worker = {
	.name = "worker",
	.prepare = prepare,
	.run = run,
	.abandon = abandon,
	.run_on_worker = run_on_worker,
	.wait_idle = wait_idle,
	.drain = drain,
	.wait_slice_ns = UINT64_C(20000000),
	.strands_driver = true,
};
