/* SPDX-License-Identifier: MIT */
#include "provide/queue.h"

#include <stdlib.h>
#include <unistd.h>

#include "provide/batch.h"
#include "provide/executor.h"
#include "vk/allocator.h"

static struct vmb_queue *queue_create(struct vmb_provide *provide, VkQueue handle)
{
	struct vmb_queue *queue = calloc(1, sizeof(*queue));

	if (!queue) {
		return NULL;
	}
	queue->handle = handle;
	queue->provide = provide;
	queue->last = &queue->first;
	pthread_mutex_init(&queue->call_lock, NULL);
	pthread_mutex_init(&queue->batches_lock, NULL);
	pthread_cond_init(&queue->batches_changed, NULL);
	return queue;
}

static struct vmb_queue *find_queue(struct vmb_provide *provide, VkQueue handle)
{
	struct vmb_queue *queue = atomic_load_explicit(&provide->queues, memory_order_acquire);

	while (queue && queue->handle != handle) {
		queue = queue->next;
	}
	return queue;
}

struct vmb_queue *vmb_queue_get(struct vmb_provide *provide, VkQueue handle)
{
	struct vmb_queue *queue = find_queue(provide, handle);

	if (queue) {
		return queue;
	}
	pthread_mutex_lock(&provide->queues_lock);
	queue = find_queue(provide, handle);
	if (!queue) {
		queue = queue_create(provide, handle);
		if (queue) {
			queue->next = provide->queues;
			atomic_store_explicit(&provide->queues, queue, memory_order_release);
		}
	}
	pthread_mutex_unlock(&provide->queues_lock);
	return queue;
}

static void forget_timeline(struct vmb_vm *vm, uint32_t timeline)
{
	if (timeline) {
		vm->impl->forget_timeline(vm, timeline);
	}
}

/* Raises ordered to a count of submissions. Returns whether ordered was less. */
static bool order_until(struct vmb_queue *queue, uint64_t count)
{
	uint64_t ordered = atomic_load_explicit(&queue->ordered, memory_order_relaxed);

	while (ordered < count) {
		if (atomic_compare_exchange_weak_explicit(&queue->ordered, &ordered, count,
			    memory_order_relaxed, memory_order_relaxed)) {
			return true;
		}
	}
	return false;
}

bool vmb_queue_order_work(struct vmb_queue *queue)
{
	return order_until(queue, atomic_load_explicit(&queue->submitted, memory_order_acquire));
}

VkResult vmb_queue_wait_idle(struct vmb_queue *queue)
{
	struct vmb_provide *provide = queue->provide;

	/* The wait ends before the work that another thread submits meanwhile. */
	uint64_t submitted = atomic_load_explicit(&queue->submitted, memory_order_acquire);
	VkResult result = provide->executor->wait_idle(provide, queue->handle);
	if (result == VK_SUCCESS) {
		order_until(queue, submitted);
	}
	return result;
}

/* Whether the worker has executed all batches. A worker that was stopped may have dropped some. */
static bool is_done(const struct vmb_queue *queue)
{
	struct vmb_provide *provide = queue->provide;
	uint64_t value = 0;

	return provide->next.GetSemaphoreCounterValue(
		       provide->device->handle, queue->done, &value) == VK_SUCCESS &&
		value >= queue->last_value;
}

/*
 * Waits until the driver no longer uses the timelines. The threads of lavapipe 22.3.6 touch a
 * timeline semaphore after they have signaled the fence of the submission. They execute submissions
 * one after the other, so the end of a later submission shows that they have finished.
 */
static void wait_until_unused(const struct vmb_queue *queue)
{
	struct vmb_provide *provide = queue->provide;

	if (queue->gate && queue->done && is_done(queue)) {
		provide->executor->wait_idle(provide, queue->handle);
	}
}

void vmb_queue_destroy(struct vmb_queue *queue)
{
	struct vmb_provide *provide = queue->provide;
	VkDevice device = provide->device->handle;

	forget_timeline(provide->vm, queue->gate_timeline);
	forget_timeline(provide->vm, queue->done_timeline);
	/* On a lost device the driver's queue may still wait for gate and done: leak them. */
	if (!vmb_provide_is_stranded(provide)) {
		wait_until_unused(queue);
		provide->next.DestroySemaphore(device, queue->gate, &vmb_allocator);
		provide->next.DestroySemaphore(device, queue->done, &vmb_allocator);
	}
	pthread_cond_destroy(&queue->batches_changed);
	pthread_mutex_destroy(&queue->batches_lock);
	pthread_mutex_destroy(&queue->call_lock);
	free(queue);
}

static VkResult create_timeline(struct vmb_provide *provide, VkSemaphore *out)
{
	const VkExportSemaphoreCreateInfo shared = {
		.sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
		.handleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT,
	};
	const VkSemaphoreTypeCreateInfo type = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.pNext = provide->executor->shares_timelines ? &shared : NULL,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
	};
	const VkSemaphoreCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
		.pNext = &type,
	};

	return provide->next.CreateSemaphore(provide->device->handle, &info, &vmb_allocator, out);
}

/* Imports a timeline into the VM. */
static VkResult share_timeline(
	struct vmb_provide *provide, VkSemaphore semaphore, uint32_t *timeline)
{
	const VkSemaphoreGetFdInfoKHR info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR,
		.semaphore = semaphore,
		.handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT,
	};
	int fd;

	VkResult result = provide->next.GetSemaphoreFdKHR(provide->device->handle, &info, &fd);
	if (result != VK_SUCCESS) {
		return result;
	}
	int ret = provide->vm->impl->import_timeline(provide->vm, fd, timeline);
	close(fd);
	return ret == 0 ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

/* Creates and imports a timeline, unless an earlier call did. */
static VkResult ensure_timeline(
	struct vmb_provide *provide, VkSemaphore *semaphore, uint32_t *timeline)
{
	VkResult result = *semaphore ? VK_SUCCESS : create_timeline(provide, semaphore);

	if (result != VK_SUCCESS) {
		*semaphore = VK_NULL_HANDLE;
		return result;
	}
	return *timeline || !provide->executor->shares_timelines
		? VK_SUCCESS
		: share_timeline(provide, *semaphore, timeline);
}

VkResult vmb_queue_create_timelines(struct vmb_queue *queue)
{
	VkResult result = ensure_timeline(queue->provide, &queue->gate, &queue->gate_timeline);

	return result == VK_SUCCESS
		? ensure_timeline(queue->provide, &queue->done, &queue->done_timeline)
		: result;
}

VkResult vmb_queue_signal_done(struct vmb_queue *queue, const struct vmb_batch *batch)
{
	struct vmb_provide *provide = queue->provide;
	const VkSemaphoreSignalInfo signal = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
		.semaphore = queue->done,
		.value = batch->value,
	};

	return provide->next.SignalSemaphore(provide->device->handle, &signal);
}
