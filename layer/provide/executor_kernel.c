/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "provide/bind_call.h"
#include "provide/executor.h"
#include "provide/worker.h"

/*
 * The executor of a VM that submits: the kernel runs every batch. The kernel cannot wait for a
 * timeline point without a submitted signal. The driver may defer its signal of gate until the
 * application submits the signals that the batch waits for. In that case the queue's worker keeps
 * the batch until the signal of gate is submitted.
 */

static VkResult prepare(struct vmb_bind_call *call)
{
	vmb_provide_log(call->queue->provide, VMB_LOG_DEBUG,
		"vkQueueBindSparse: %u batches, submitted to the kernel", call->count);
	return vmb_queue_create_timelines(call->queue);
}

static int wait_for_gate(
	struct vmb_queue *queue, const struct vmb_batch *batch, uint64_t timeout_ns)
{
	const struct vmb_point gate = { queue->gate_timeline, batch->value };
	struct vmb_vm *vm = queue->provide->vm;

	return vm->impl->wait(vm, &gate, VMB_POINT_AVAILABLE, timeout_ns);
}

/* Whether the kernel accepts a batch now: the worker is idle, and the signal of the batch's gate is
 * submitted. */
static bool may_submit(struct vmb_queue *queue, const struct vmb_batch *batch)
{
	return vmb_worker_is_idle(queue) && (!batch->gated || wait_for_gate(queue, batch, 0) == 0);
}

static int submit(struct vmb_queue *queue, const struct vmb_batch *batch)
{
	const struct vmb_point gate = { queue->gate_timeline, batch->value };
	const struct vmb_point done = { queue->done_timeline, batch->value };

	return vmb_batch_submit(queue->provide, batch, batch->gated ? &gate : NULL, &done);
}

static VkResult submit_now(struct vmb_bind_call *call, const struct vmb_batch *batch)
{
	struct vmb_provide *provide = call->queue->provide;

	int ret = submit(call->queue, batch);
	if (ret == 0) {
		call->begun = true;
		return VK_SUCCESS;
	}
	vmb_provide_log(provide, VMB_LOG_ERROR, "vkQueueBindSparse: the kernel refused a bind: %s",
		strerror(-ret));
	if (ret == -ENOMEM || ret == -ENOSPC) {
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	/* After any other error the kernel's VM may be unusable, or bound in part. */
	vmb_provide_lose(provide, "a sparse bind failed", ret);
	return VK_ERROR_DEVICE_LOST;
}

static VkResult submit_later(struct vmb_bind_call *call, uint32_t index)
{
	VkResult result = vmb_worker_start(call->queue);

	if (result == VK_SUCCESS) {
		/* Submit before the batch goes to the worker: the submission points to the batch's
		 * value, and the worker frees the batch. */
		vmb_bind_call_add_done(call, index);
		result = vmb_bind_call_flush(call, index + 1 == call->count);
	}
	if (result == VK_SUCCESS) {
		vmb_bind_call_leave_to_worker(call, index);
	}
	return result;
}

static VkResult run(struct vmb_bind_call *call, uint32_t index)
{
	const struct vmb_batch *batch = call->batches[index];
	VkResult result = VK_SUCCESS;

	if (batch->gated) {
		vmb_bind_call_add_gate(call, index);
		result = vmb_bind_call_flush(call, false);
	}
	if (result != VK_SUCCESS) {
		return result;
	}
	if (!may_submit(call->queue, batch)) {
		return submit_later(call, index);
	}
	result = submit_now(call, batch);
	if (result == VK_SUCCESS) {
		vmb_bind_call_add_done(call, index);
	}
	return result;
}

/*
 * Other threads may already wait for the call's signals, and waits are not sliced here. So the rest
 * of the call is submitted to the driver's queue. The worker gets the batches that the kernel did
 * not get, and signals done for each without executing it.
 */
static void abandon(struct vmb_bind_call *call)
{
	struct vmb_queue *queue = call->queue;

	if (vmb_worker_start(queue) != VK_SUCCESS) {
		return;
	}
	for (uint32_t i = call->signaled; i < call->count; i++) {
		struct vmb_batch *batch = call->batches[i];
		if (!batch) {
			vmb_bind_call_add_empty(call, i);
			continue;
		}
		batch->value = batch->value ? batch->value : ++queue->last_value;
		vmb_bind_call_add_done(call, i);
		if (vmb_bind_call_flush(call, i + 1 == call->count) != VK_SUCCESS) {
			return;
		}
		vmb_bind_call_leave_to_worker(call, i);
	}
	vmb_bind_call_flush(call, true);
}

/* Submits a batch as soon as the kernel accepts it. -ECANCELED if the batch must be dropped. */
static int submit_in_time(struct vmb_queue *queue, const struct vmb_batch *batch)
{
	int ret = batch->gated ? -ETIME : 0;

	while (ret == -ETIME && !vmb_worker_should_stop(queue)) {
		ret = wait_for_gate(queue, batch, VMB_WORKER_SLICE_NS);
	}
	if (vmb_worker_should_stop(queue)) {
		return -ECANCELED;
	}
	return ret < 0 ? ret : submit(queue, batch);
}

/* On failure the device is lost, and done is signaled nevertheless. The signal ends waits for a
 * batch that the kernel never got. A lost device reports no success, so the signal misleads no
 * caller. */
static void run_on_worker(struct vmb_queue *queue, struct vmb_batch *batch)
{
	int ret = submit_in_time(queue, batch);

	if (ret < 0 && ret != -ECANCELED) {
		vmb_provide_lose(queue->provide, "a sparse bind failed", ret);
	}
	vmb_batch_release_resources(batch);
	if (ret < 0) {
		vmb_queue_signal_done(queue, batch);
	}
}

static VkResult wait_idle(struct vmb_provide *provide, VkQueue handle)
{
	return provide->next.QueueWaitIdle(handle);
}

/* Needs no wait: the kernel ends every batch, and the worker signals the batches that the kernel
 * did not get. */
static void drain(struct vmb_provide *provide)
{
	(void)provide;
}

const struct vmb_executor vmb_executor_kernel = {
	.name = "kernel",
	.prepare = prepare,
	.run = run,
	.abandon = abandon,
	.run_on_worker = run_on_worker,
	.wait_idle = wait_idle,
	.drain = drain,
	.wait_slice_ns = UINT64_MAX,
	.shares_timelines = true,
};
