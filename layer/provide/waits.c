/* SPDX-License-Identifier: MIT */
#include "provide/waits.h"

#include <time.h>

#include "base/clock.h"
#include "provide/commands.h"
#include "provide/executor.h"
#include "provide/queue.h"
#include "provide/worker.h"

/* A wait in slices of at most max_slice_ns. */
struct wait {
	const struct vmb_provide *provide;
	uint64_t timeout_ns;
	uint64_t max_slice_ns;
	uint64_t start_ns; /* 0 for a wait of one slice, which needs no clock */
	VkResult result;
	uint64_t slice_ns; /* the timeout of the next call of the driver */
};

static struct wait wait_begin(const struct vmb_provide *provide, uint64_t timeout_ns)
{
	uint64_t max_slice_ns = provide->executor->wait_slice_ns;

	return (struct wait){
		.provide = provide,
		.timeout_ns = timeout_ns,
		.max_slice_ns = max_slice_ns,
		.start_ns = timeout_ns > max_slice_ns ? vmb_clock_ns() : 0,
		.result = VK_TIMEOUT,
	};
}

/* Whether the driver has to wait for another slice. If not, wait->result is final. */
static bool wait_next_slice(struct wait *wait, bool first)
{
	uint64_t waited_ns = 0;

	if (vmb_provide_is_lost(wait->provide)) {
		wait->result = VK_ERROR_DEVICE_LOST;
		return false;
	}
	if (wait->result != VK_TIMEOUT) {
		return false;
	}
	if (!first) {
		waited_ns = wait->start_ns ? vmb_clock_ns() - wait->start_ns : wait->timeout_ns;
		if (waited_ns >= wait->timeout_ns) {
			return false;
		}
	}
	uint64_t left_ns = wait->timeout_ns - waited_ns;
	wait->slice_ns = left_ns < wait->max_slice_ns ? left_ns : wait->max_slice_ns;
	return true;
}

static VkResult wait_for_fences(struct vmb_provide *provide, uint32_t count, const VkFence *fences,
	VkBool32 wait_all, uint64_t timeout)
{
	struct wait wait = wait_begin(provide, timeout);

	for (bool first = true; wait_next_slice(&wait, first); first = false) {
		wait.result = provide->next.WaitForFences(
			provide->device->handle, count, fences, wait_all, wait.slice_ns);
	}
	return wait.result;
}

VkResult vmb_wait_for_fence(struct vmb_provide *provide, VkFence fence)
{
	return wait_for_fences(provide, 1, &fence, VK_TRUE, UINT64_MAX);
}

static VKAPI_ATTR VkResult VKAPI_CALL wait_for_fences_command(
	VkDevice handle, uint32_t count, const VkFence *fences, VkBool32 wait_all, uint64_t timeout)
{
	return wait_for_fences(vmb_provide_of(handle), count, fences, wait_all, timeout);
}

static VKAPI_ATTR VkResult VKAPI_CALL wait_semaphores(
	VkDevice handle, const VkSemaphoreWaitInfo *info, uint64_t timeout)
{
	struct vmb_provide *provide = vmb_provide_of(handle);
	struct wait wait = wait_begin(provide, timeout);

	for (bool first = true; wait_next_slice(&wait, first); first = false) {
		wait.result = provide->next.WaitSemaphores(handle, info, wait.slice_ns);
	}
	return wait.result;
}

/* Commands that return VK_ERROR_DEVICE_LOST on a lost device. */
#define UNLESS_LOST(function, name, parameters, arguments) \
	static VKAPI_ATTR VkResult VKAPI_CALL function parameters \
	{ \
		struct vmb_provide *provide = vmb_provide_of(handle); \
\
		return vmb_provide_is_lost(provide) ? VK_ERROR_DEVICE_LOST \
						    : provide->next.name arguments; \
	}

/* clang-format off */
UNLESS_LOST(get_fence_status, GetFenceStatus,
	(VkDevice handle, VkFence fence), (handle, fence))
UNLESS_LOST(get_semaphore_counter_value, GetSemaphoreCounterValue,
	(VkDevice handle, VkSemaphore semaphore, uint64_t *value), (handle, semaphore, value))
UNLESS_LOST(present, QueuePresentKHR,
	(VkQueue handle, const VkPresentInfoKHR *info), (handle, info))
UNLESS_LOST(acquire_next_image, AcquireNextImageKHR,
	(VkDevice handle, VkSwapchainKHR swapchain, uint64_t timeout, VkSemaphore semaphore,
		VkFence fence, uint32_t *index),
	(handle, swapchain, timeout, semaphore, fence, index))
UNLESS_LOST(acquire_next_image2, AcquireNextImage2KHR,
	(VkDevice handle, const VkAcquireNextImageInfoKHR *info, uint32_t *index),
	(handle, info, index))
/* clang-format on */

/* Finds the queue of a submission. Fails if the device is lost. */
static VkResult begin_submit(struct vmb_provide *provide, VkQueue handle, struct vmb_queue **queue)
{
	if (vmb_provide_is_lost(provide)) {
		return VK_ERROR_DEVICE_LOST;
	}
	*queue = vmb_queue_get(provide, handle);
	return *queue ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

/* Counts the work after the driver has got it. Otherwise the gate of another thread's bind could
 * get to the driver between the count and the work. */
static VkResult end_submit(struct vmb_queue *queue, uint32_t count, VkResult result)
{
	if (count) {
		vmb_queue_add_work(queue);
	}
	return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL submit(
	VkQueue handle, uint32_t count, const VkSubmitInfo *submits, VkFence fence)
{
	struct vmb_provide *provide = vmb_provide_of(handle);
	struct vmb_queue *queue;
	VkResult result = begin_submit(provide, handle, &queue);

	return result == VK_SUCCESS
		? end_submit(queue, count, provide->next.QueueSubmit(handle, count, submits, fence))
		: result;
}

static VKAPI_ATTR VkResult VKAPI_CALL submit2(
	VkQueue handle, uint32_t count, const VkSubmitInfo2 *submits, VkFence fence)
{
	struct vmb_provide *provide = vmb_provide_of(handle);
	struct vmb_queue *queue;
	VkResult result = begin_submit(provide, handle, &queue);

	return result == VK_SUCCESS
		? end_submit(
			  queue, count, provide->next.QueueSubmit2(handle, count, submits, fence))
		: result;
}

static VkResult lost_or(const struct vmb_provide *provide, VkResult result)
{
	return vmb_provide_is_lost(provide) ? VK_ERROR_DEVICE_LOST : result;
}

static VKAPI_ATTR VkResult VKAPI_CALL queue_wait_idle(VkQueue handle)
{
	struct vmb_provide *provide = vmb_provide_of(handle);

	if (vmb_provide_is_lost(provide)) {
		return VK_ERROR_DEVICE_LOST;
	}
	struct vmb_queue *queue = vmb_queue_get(provide, handle);
	if (!queue) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	return lost_or(provide, vmb_queue_wait_idle(queue));
}

static VKAPI_ATTR VkResult VKAPI_CALL device_wait_idle(VkDevice handle)
{
	struct vmb_provide *provide = vmb_provide_of(handle);

	provide->executor->drain(provide);
	if (vmb_provide_is_lost(provide)) {
		return VK_ERROR_DEVICE_LOST;
	}
	return lost_or(provide, provide->next.DeviceWaitIdle(handle));
}

static bool has_pending_binds(const struct vmb_provide *provide)
{
	for (struct vmb_queue *queue = provide->queues; queue; queue = queue->next) {
		if (!vmb_worker_is_idle(queue)) {
			return true;
		}
	}
	return false;
}

/*
 * The driver's wait for a query cannot be sliced. Behind a failed bind it would never end. So the
 * layer queries without a wait until the results are there, the device is lost, or no bind is
 * pending.
 *
 * lavapipe waits for all work of the device in this command, also for work on which the query does
 * not depend. On lavapipe the layer waits for the binds first.
 */
static void wait_for_query(struct vmb_provide *provide, VkQueryPool pool, uint32_t first,
	uint32_t count, size_t size, void *data, VkDeviceSize stride, VkQueryResultFlags flags)
{
	static const struct timespec pause = { .tv_nsec = 100000 };
	VkQueryResultFlags ask = flags &
		~(VkQueryResultFlags)(VK_QUERY_RESULT_WAIT_BIT | VK_QUERY_RESULT_PARTIAL_BIT);

	if (provide->device->physical->driver_id == VK_DRIVER_ID_MESA_LLVMPIPE) {
		provide->executor->drain(provide);
		return;
	}
	while (has_pending_binds(provide) && !vmb_provide_is_lost(provide) &&
		provide->next.GetQueryPoolResults(provide->device->handle, pool, first, count, size,
			data, stride, ask) == VK_NOT_READY) {
		nanosleep(&pause, NULL);
	}
}

static VKAPI_ATTR VkResult VKAPI_CALL get_query_pool_results(VkDevice handle, VkQueryPool pool,
	uint32_t first, uint32_t count, size_t size, void *data, VkDeviceSize stride,
	VkQueryResultFlags flags)
{
	struct vmb_provide *provide = vmb_provide_of(handle);

	if ((flags & VK_QUERY_RESULT_WAIT_BIT) && provide->executor->strands_driver) {
		wait_for_query(provide, pool, first, count, size, data, stride, flags);
	}
	return vmb_provide_is_lost(provide) ? VK_ERROR_DEVICE_LOST
					    : provide->next.GetQueryPoolResults(handle, pool, first,
						      count, size, data, stride, flags);
}

const struct vmb_device_commands vmb_provide_wait_commands = {
	.DeviceWaitIdle = device_wait_idle,
	.QueueSubmit = submit,
	.QueueSubmit2 = submit2,
	.QueueWaitIdle = queue_wait_idle,
	.QueuePresentKHR = present,
	.AcquireNextImageKHR = acquire_next_image,
	.AcquireNextImage2KHR = acquire_next_image2,
	.GetQueryPoolResults = get_query_pool_results,
	.GetFenceStatus = get_fence_status,
	.WaitForFences = wait_for_fences_command,
	.WaitSemaphores = wait_semaphores,
	.GetSemaphoreCounterValue = get_semaphore_counter_value,
};
