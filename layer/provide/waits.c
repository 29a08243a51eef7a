/* SPDX-License-Identifier: MIT */
#include "provide/waits.h"

#include <time.h>

#include "provide/queue.h"
#include "vk/allocator.h"
#include "vk/device.h"

/* How long a wait sleeps before it looks whether the device was lost meanwhile. */
#define SLICE_NS UINT64_C(20000000)

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Waits on a VM that submits need not be cut: what they wait for is signaled even if it fails. */
static uint64_t slice_of(const struct vmb_device *device)
{
	return vmb_vm_is_async(device->vm) ? UINT64_MAX : SLICE_NS;
}

/* A wait that is cut into slices. */
struct wait {
	const struct vmb_device *device;
	uint64_t timeout;
	uint64_t longest; /* slice */
	uint64_t start;
	VkResult result;
	uint64_t slice; /* the timeout for the driver */
};

static struct wait begin_wait(const struct vmb_device *device, uint64_t timeout)
{
	return (struct wait){
		.device = device,
		.timeout = timeout,
		.longest = slice_of(device),
		/* A wait that cannot be cut needs no clock. */
		.start = timeout > slice_of(device) ? now_ns() : 0,
		.result = VK_TIMEOUT,
	};
}

/* Whether the driver is to be asked (again); if not, result says how the wait ended. */
static bool next_slice(struct wait *wait, bool first)
{
	uint64_t waited = 0;

	if (vmb_device_is_lost(wait->device)) {
		wait->result = VK_ERROR_DEVICE_LOST;
		return false;
	}
	if (wait->result != VK_TIMEOUT) {
		return false;
	}
	if (!first) {
		waited = wait->timeout > wait->longest ? now_ns() - wait->start : wait->timeout;
		if (waited >= wait->timeout) {
			return false;
		}
	}
	wait->slice = wait->timeout - waited < wait->longest ? wait->timeout - waited
							     : wait->longest;
	return true;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_WaitForFences(
	VkDevice handle, uint32_t count, const VkFence *fences, VkBool32 wait_all, uint64_t timeout)
{
	struct vmb_device *device = vmb_device_of(handle);

	if (!device->vm) {
		return device->next.WaitForFences(handle, count, fences, wait_all, timeout);
	}
	struct wait wait = begin_wait(device, timeout);
	for (bool first = true; next_slice(&wait, first); first = false) {
		wait.result = device->next.WaitForFences(
			handle, count, fences, wait_all, wait.slice);
	}
	return wait.result;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_WaitSemaphores(
	VkDevice handle, const VkSemaphoreWaitInfo *info, uint64_t timeout)
{
	struct vmb_device *device = vmb_device_of(handle);

	if (!device->vm) {
		return device->next.WaitSemaphores(handle, info, timeout);
	}
	struct wait wait = begin_wait(device, timeout);
	for (bool first = true; next_slice(&wait, first); first = false) {
		wait.result = device->next.WaitSemaphores(handle, info, wait.slice);
	}
	return wait.result;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_GetFenceStatus(VkDevice handle, VkFence fence)
{
	struct vmb_device *device = vmb_device_of(handle);

	return vmb_device_is_lost(device) ? VK_ERROR_DEVICE_LOST
					  : device->next.GetFenceStatus(handle, fence);
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_GetSemaphoreCounterValue(
	VkDevice handle, VkSemaphore semaphore, uint64_t *value)
{
	struct vmb_device *device = vmb_device_of(handle);

	return vmb_device_is_lost(device)
		? VK_ERROR_DEVICE_LOST
		: device->next.GetSemaphoreCounterValue(handle, semaphore, value);
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_QueueSubmit(
	VkQueue handle, uint32_t count, const VkSubmitInfo *submits, VkFence fence)
{
	struct vmb_device *device = vmb_device_of(handle);

	return vmb_device_is_lost(device) ? VK_ERROR_DEVICE_LOST
					  : device->next.QueueSubmit(handle, count, submits, fence);
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_QueueSubmit2(
	VkQueue handle, uint32_t count, const VkSubmitInfo2 *submits, VkFence fence)
{
	struct vmb_device *device = vmb_device_of(handle);

	return vmb_device_is_lost(device)
		? VK_ERROR_DEVICE_LOST
		: device->next.QueueSubmit2(handle, count, submits, fence);
}

/* Waiting for a queue is waiting for a fence behind all that was submitted to it; unlike the
 * driver's vkQueueWaitIdle, that can be given up. */
static VkResult wait_for_queue(struct vmb_device *device, VkQueue handle)
{
	const VkFenceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
	VkFence fence;

	VkResult result = device->next.CreateFence(device->handle, &info, &vmb_allocator, &fence);
	if (result != VK_SUCCESS) {
		return result;
	}
	result = device->next.QueueSubmit(handle, 0, NULL, fence);
	if (result == VK_SUCCESS) {
		result = vmb_WaitForFences(device->handle, 1, &fence, VK_TRUE, UINT64_MAX);
	}
	/* The driver of a lost device will want to signal it some day. */
	if (!vmb_device_is_lost(device)) {
		device->next.DestroyFence(device->handle, fence, &vmb_allocator);
	}
	return result;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_QueueWaitIdle(VkQueue handle)
{
	struct vmb_device *device = vmb_device_of(handle);

	if (!device->vm) {
		return device->next.QueueWaitIdle(handle);
	}
	if (vmb_device_is_lost(device)) {
		return VK_ERROR_DEVICE_LOST;
	}
	if (!vmb_vm_is_async(device->vm)) {
		return wait_for_queue(device, handle);
	}
	VkResult result = device->next.QueueWaitIdle(handle);
	return vmb_device_is_lost(device) ? VK_ERROR_DEVICE_LOST : result;
}

/* With no job left the driver's queues wait for nothing of ours that will not come. */
static void drain(struct vmb_device *device)
{
	if (vmb_vm_is_async(device->vm)) {
		return;
	}
	pthread_mutex_lock(&device->queues_lock);
	struct vmb_queue *queue = device->queues;
	pthread_mutex_unlock(&device->queues_lock);
	for (; queue; queue = queue->next) {
		vmb_queue_drain(queue);
	}
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_DeviceWaitIdle(VkDevice handle)
{
	struct vmb_device *device = vmb_device_of(handle);

	if (device->vm) {
		drain(device);
	}
	if (vmb_device_is_lost(device)) {
		return VK_ERROR_DEVICE_LOST;
	}
	VkResult result = device->next.DeviceWaitIdle(handle);
	return vmb_device_is_lost(device) ? VK_ERROR_DEVICE_LOST : result;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_GetQueryPoolResults(VkDevice handle, VkQueryPool pool,
	uint32_t first, uint32_t count, size_t size, void *data, VkDeviceSize stride,
	VkQueryResultFlags flags)
{
	struct vmb_device *device = vmb_device_of(handle);

	if (device->vm && (flags & VK_QUERY_RESULT_WAIT_BIT)) {
		drain(device);
	}
	return vmb_device_is_lost(device) ? VK_ERROR_DEVICE_LOST
					  : device->next.GetQueryPoolResults(handle, pool, first,
						    count, size, data, stride, flags);
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_QueuePresentKHR(VkQueue handle, const VkPresentInfoKHR *info)
{
	struct vmb_device *device = vmb_device_of(handle);

	return vmb_device_is_lost(device) ? VK_ERROR_DEVICE_LOST
					  : device->next.QueuePresentKHR(handle, info);
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_AcquireNextImageKHR(VkDevice handle, VkSwapchainKHR swapchain,
	uint64_t timeout, VkSemaphore semaphore, VkFence fence, uint32_t *index)
{
	struct vmb_device *device = vmb_device_of(handle);

	return vmb_device_is_lost(device) ? VK_ERROR_DEVICE_LOST
					  : device->next.AcquireNextImageKHR(handle, swapchain,
						    timeout, semaphore, fence, index);
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_AcquireNextImage2KHR(
	VkDevice handle, const VkAcquireNextImageInfoKHR *info, uint32_t *index)
{
	struct vmb_device *device = vmb_device_of(handle);

	return vmb_device_is_lost(device) ? VK_ERROR_DEVICE_LOST
					  : device->next.AcquireNextImage2KHR(handle, info, index);
}
