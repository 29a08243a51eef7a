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
 * What runs the batches of vkQueueBindSparse: the caller or the queue's worker on a VM that
 * executes, the kernel on one that submits. All members are mandatory.
 *
 * A batch reaches its executor before the driver gets the next batch of the call. The next batch
 * may wait for a binary semaphore that this one signals, and a driver may block in vkQueueSubmit
 * until the signal is under way (Mesa's common code does).
 */
struct vmb_executor {
	const char *name; /* in the log */
	/* Gets ready for a call with batches, before anything is submitted. May execute the whole
	 * call at once, and leave no batches. */
	VkResult (*prepare)(struct vmb_bind_call *call);
	/* Runs one batch, and has the driver signal its semaphores afterwards. */
	VkResult (*run)(struct vmb_bind_call *call, uint32_t index);
	/* The call lost the device part-way: ends the waits for what it was to signal, where the
	 * executor can. */
	void (*abandon)(struct vmb_bind_call *call);
	/* Runs a batch that was left to the queue's worker, on the worker's thread. */
	void (*run_on_worker)(struct vmb_queue *queue, struct vmb_batch *batch);

	/* vkQueueWaitIdle on a device that is not lost. */
	VkResult (*wait_idle)(struct vmb_provide *provide, VkQueue handle);
	/* Returns when the driver's queues wait for nothing that only the layer can signal. */
	void (*drain)(struct vmb_provide *provide);
	/* How long the driver may wait before the layer looks whether the device is lost;
	 * UINT64_MAX for ever. */
	uint64_t wait_slice_ns;
	/* The driver may wait for ever once the device is lost. */
	bool strands_driver;
	/* The VM gets gate and done as timelines of its own. */
	bool shares_timelines;
};

extern const struct vmb_executor vmb_executor_worker;
extern const struct vmb_executor vmb_executor_kernel;

#endif
