/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_WAITS_H
#define VMB_PROVIDE_WAITS_H

#include <vulkan/vulkan.h>

/*
 * Submissions, waits and polls on a device that may be lost by the layer. On a VM that executes, an
 * asynchronous bind that failed leaves the driver's queue waiting for ever, so the driver's own waits
 * would never return. The specification asks that they do, in finite time (Vulkan, "Lost Device").
 */

VKAPI_ATTR VkResult VKAPI_CALL vmb_QueueSubmit(
	VkQueue handle, uint32_t count, const VkSubmitInfo *submits, VkFence fence);
VKAPI_ATTR VkResult VKAPI_CALL vmb_QueueSubmit2(
	VkQueue handle, uint32_t count, const VkSubmitInfo2 *submits, VkFence fence);
VKAPI_ATTR VkResult VKAPI_CALL vmb_QueueWaitIdle(VkQueue handle);
VKAPI_ATTR VkResult VKAPI_CALL vmb_DeviceWaitIdle(VkDevice handle);
VKAPI_ATTR VkResult VKAPI_CALL vmb_GetFenceStatus(VkDevice handle, VkFence fence);
VKAPI_ATTR VkResult VKAPI_CALL vmb_WaitForFences(VkDevice handle, uint32_t count,
	const VkFence *fences, VkBool32 wait_all, uint64_t timeout);
VKAPI_ATTR VkResult VKAPI_CALL vmb_WaitSemaphores(
	VkDevice handle, const VkSemaphoreWaitInfo *info, uint64_t timeout);
VKAPI_ATTR VkResult VKAPI_CALL vmb_GetSemaphoreCounterValue(
	VkDevice handle, VkSemaphore semaphore, uint64_t *value);
VKAPI_ATTR VkResult VKAPI_CALL vmb_GetQueryPoolResults(VkDevice handle, VkQueryPool pool,
	uint32_t first, uint32_t count, size_t size, void *data, VkDeviceSize stride,
	VkQueryResultFlags flags);
VKAPI_ATTR VkResult VKAPI_CALL vmb_QueuePresentKHR(VkQueue handle, const VkPresentInfoKHR *info);
VKAPI_ATTR VkResult VKAPI_CALL vmb_AcquireNextImageKHR(VkDevice handle, VkSwapchainKHR swapchain,
	uint64_t timeout, VkSemaphore semaphore, VkFence fence, uint32_t *index);
VKAPI_ATTR VkResult VKAPI_CALL vmb_AcquireNextImage2KHR(
	VkDevice handle, const VkAcquireNextImageInfoKHR *info, uint32_t *index);

#endif
