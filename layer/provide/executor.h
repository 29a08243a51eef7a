/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_EXECUTOR_H
#define VMB_PROVIDE_EXECUTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <vulkan/vulkan.h>

struct vmb_batch;
struct vmb_bind_call;
struct vmb_provide;
struct vmb_queue;

/*
 * An executor runs the batches of vkQueueBindSparse. On a VM that executes, the caller or the
 * queue's worker runs a batch. On a VM that submits, the kernel does. All functions are mandatory.
 *
 * A batch reaches its executor before the driver gets the next batch of the call. The next batch
 * may wait for a binary semaphore that this batch signals. Mesa's common code blocks in
 * vkQueueSubmit until the signal is submitted.
 */
struct vmb_executor {
	const char *name; /* in the log */
	/* Prepares a call with batches, before its first submission. May execute all batches at
	 * once; call->batches then holds only NULL. */
	VkResult (*prepare)(struct vmb_bind_call *call);
	/* Runs one batch. The driver signals the batch's semaphores afterwards. */
	VkResult (*run)(struct vmb_bind_call *call, uint32_t index);
	/* The call failed and the device is lost. Ends the waits for the call's signals, if
	 * the executor can. */
	void (*abandon)(struct vmb_bind_call *call);
	/* Runs a batch on the thread of the queue's worker. The batch stays the worker's. */
	void (*run_on_worker)(struct vmb_queue *queue, struct vmb_batch *batch);

	/* vkQueueWaitIdle on a device that is not lost. */
	VkResult (*wait_idle)(struct vmb_provide *provide, VkQueue handle);
	/* Precedes a wait of the driver that cannot be sliced. Returns when that wait is sure to
	 * end. */
	void (*drain)(struct vmb_provide *provide);
	/* The longest wait of the driver before the layer checks whether the device is lost.
	 * UINT64_MAX: the layer never checks. */
	uint64_t wait_slice_ns;
	/* On a lost device the driver may wait for ever. */
	bool strands_driver;
	/* The VM imports gate and done. */
	bool shares_timelines;
};

extern const struct vmb_executor vmb_executor_worker;
extern const struct vmb_executor vmb_executor_kernel;

#endif
