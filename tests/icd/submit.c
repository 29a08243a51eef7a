/* SPDX-License-Identifier: MIT */
#include "sync.h"

/* Returns the number of semaphores. Sets *timeline if one of them has a value. */
static uint32_t unpack(
	const struct icd_point *points, VkSemaphore *semaphores, uint64_t *values, bool *timeline)
{
	uint32_t count = 0;

	for (; count < ICD_POINTS && points[count].semaphore; count++) {
		semaphores[count] = points[count].semaphore;
		values[count] = points[count].value;
		*timeline = *timeline || values[count] != 0;
	}
	return count;
}

void icd_bind_info(struct icd_bind_info *info, const struct icd_batch *batch)
{
	bool timeline = false;

	info->buffer = (VkSparseBufferMemoryBindInfo){
		.buffer = batch->buffer,
		.bindCount = batch->bind_count,
		.pBinds = batch->binds,
	};
	info->info = (VkBindSparseInfo){
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.waitSemaphoreCount = unpack(
			batch->waits, info->waits, info->wait_values, &timeline),
		.pWaitSemaphores = info->waits,
		.bufferBindCount = batch->bind_count ? 1 : 0,
		.pBufferBinds = &info->buffer,
		.signalSemaphoreCount = unpack(
			batch->signals, info->signals, info->signal_values, &timeline),
		.pSignalSemaphores = info->signals,
	};
	info->timeline = (VkTimelineSemaphoreSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = info->info.waitSemaphoreCount,
		.pWaitSemaphoreValues = info->wait_values,
		.signalSemaphoreValueCount = info->info.signalSemaphoreCount,
		.pSignalSemaphoreValues = info->signal_values,
	};
	if (timeline) {
		info->info.pNext = &info->timeline;
	}
}

VkResult icd_try_bind(const struct vku *vk, const struct icd_batch *batch)
{
	struct icd_bind_info info;

	icd_bind_info(&info, batch);
	return vkQueueBindSparse(vk->queue, 1, &info.info, batch->fence);
}

void icd_bind(const struct vku *vk, const struct icd_batch *batch)
{
	VKU_CHECK(icd_try_bind(vk, batch));
}

VkResult icd_try_submit(const struct vku *vk, const struct icd_batch *batch)
{
	struct icd_bind_info info;
	const VkPipelineStageFlags stages[ICD_POINTS] = {
		VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
		VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
		VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
		VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
	};

	icd_bind_info(&info, batch);
	const VkSubmitInfo submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = info.info.pNext,
		.waitSemaphoreCount = info.info.waitSemaphoreCount,
		.pWaitSemaphores = info.waits,
		.pWaitDstStageMask = stages,
		.commandBufferCount = batch->commands ? 1 : 0,
		.pCommandBuffers = &batch->commands,
		.signalSemaphoreCount = info.info.signalSemaphoreCount,
		.pSignalSemaphores = info.signals,
	};
	return vkQueueSubmit(vk->queue, 1, &submit, batch->fence);
}

void icd_submit(const struct vku *vk, const struct icd_batch *batch)
{
	VKU_CHECK(icd_try_submit(vk, batch));
}

void icd_wait_fence(const struct vku *vk, VkFence fence)
{
	VKU_CHECK(vkWaitForFences(vk->device, 1, &fence, VK_TRUE, UINT64_MAX));
	VKU_CHECK(vkResetFences(vk->device, 1, &fence));
}
