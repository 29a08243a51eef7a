/* SPDX-License-Identifier: MIT */
#include "vk.h"

#include <string.h>

VkFence vku_create_fence(const struct vku *vk)
{
	const VkFenceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
	VkFence fence;

	VKU_CHECK(vkCreateFence(vk->device, &info, NULL, &fence));
	return fence;
}

VkSemaphore vku_create_semaphore(const struct vku *vk)
{
	const VkSemaphoreCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO };
	VkSemaphore semaphore;

	VKU_CHECK(vkCreateSemaphore(vk->device, &info, NULL, &semaphore));
	return semaphore;
}

VkSemaphore vku_create_timeline(const struct vku *vk, uint64_t value)
{
	const VkSemaphoreTypeCreateInfo type = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
		.initialValue = value,
	};
	const VkSemaphoreCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
		.pNext = &type,
	};
	VkSemaphore semaphore;

	VKU_CHECK(vkCreateSemaphore(vk->device, &info, NULL, &semaphore));
	return semaphore;
}

void vku_signal(const struct vku *vk, VkSemaphore timeline, uint64_t value)
{
	const VkSemaphoreSignalInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
		.semaphore = timeline,
		.value = value,
	};
	PFN_vkSignalSemaphore signal = (PFN_vkSignalSemaphore)vku_device_function(
		vk, "vkSignalSemaphore", "vkSignalSemaphoreKHR");

	VKU_CHECK(signal(vk->device, &info));
}

void vku_wait(const struct vku *vk, VkSemaphore timeline, uint64_t value)
{
	const VkSemaphoreWaitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.semaphoreCount = 1,
		.pSemaphores = &timeline,
		.pValues = &value,
	};
	PFN_vkWaitSemaphores wait = (PFN_vkWaitSemaphores)vku_device_function(
		vk, "vkWaitSemaphores", "vkWaitSemaphoresKHR");

	VKU_CHECK(wait(vk->device, &info, UINT64_MAX));
}

uint64_t vku_timeline_value(const struct vku *vk, VkSemaphore timeline)
{
	PFN_vkGetSemaphoreCounterValue get = (PFN_vkGetSemaphoreCounterValue)vku_device_function(
		vk, "vkGetSemaphoreCounterValue", "vkGetSemaphoreCounterValueKHR");
	uint64_t value;

	VKU_CHECK(get(vk->device, timeline, &value));
	return value;
}

static void lock_queue(const struct vku *vk)
{
	if (vk->queue_lock) {
		pthread_mutex_lock(vk->queue_lock);
	}
}

static void unlock_queue(const struct vku *vk)
{
	if (vk->queue_lock) {
		pthread_mutex_unlock(vk->queue_lock);
	}
}

void vku_queue_bind(const struct vku *vk, const VkBindSparseInfo *info, VkFence fence)
{
	lock_queue(vk);
	VkResult result = vkQueueBindSparse(vk->queue, 1, info, fence);
	unlock_queue(vk);
	vku_check(result, "vkQueueBindSparse", __FILE__, __LINE__);
}

static void bind_and_wait(const struct vku *vk, const VkBindSparseInfo *info)
{
	VkFence fence = vku_create_fence(vk);

	vku_queue_bind(vk, info, fence);
	VKU_CHECK(vkWaitForFences(vk->device, 1, &fence, VK_TRUE, UINT64_MAX));
	vkDestroyFence(vk->device, fence, NULL);
}

void vku_bind_buffer(
	const struct vku *vk, VkBuffer buffer, const VkSparseMemoryBind *binds, uint32_t count)
{
	const VkSparseBufferMemoryBindInfo buffer_binds = {
		.buffer = buffer,
		.bindCount = count,
		.pBinds = binds,
	};

	bind_and_wait(vk,
		&(VkBindSparseInfo){
			.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
			.bufferBindCount = 1,
			.pBufferBinds = &buffer_binds,
		});
}

void vku_bind_image(
	const struct vku *vk, VkImage image, const VkSparseMemoryBind *binds, uint32_t count)
{
	const VkSparseImageOpaqueMemoryBindInfo image_binds = {
		.image = image,
		.bindCount = count,
		.pBinds = binds,
	};

	bind_and_wait(vk,
		&(VkBindSparseInfo){
			.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
			.imageOpaqueBindCount = 1,
			.pImageOpaqueBinds = &image_binds,
		});
}

void vku_queue_submit(const struct vku *vk, const VkSubmitInfo *info, VkFence fence)
{
	lock_queue(vk);
	VkResult result = vkQueueSubmit(vk->queue, 1, info, fence);
	unlock_queue(vk);
	vku_check(result, "vkQueueSubmit", __FILE__, __LINE__);
}

VkCommandBuffer vku_begin(const struct vku *vk)
{
	const VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = vk->pool,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 1,
	};
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
	};
	VkCommandBuffer commands;

	VKU_CHECK(vkAllocateCommandBuffers(vk->device, &info, &commands));
	VKU_CHECK(vkBeginCommandBuffer(commands, &begin));
	return commands;
}

void vku_submit(const struct vku *vk, VkCommandBuffer commands)
{
	VkFence fence = vku_create_fence(vk);
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &commands,
	};

	vku_barrier(commands);
	VKU_CHECK(vkEndCommandBuffer(commands));
	vku_queue_submit(vk, &info, fence);
	VKU_CHECK(vkWaitForFences(vk->device, 1, &fence, VK_TRUE, UINT64_MAX));
	vkDestroyFence(vk->device, fence, NULL);
	vkFreeCommandBuffers(vk->device, vk->pool, 1, &commands);
}

void vku_barrier(VkCommandBuffer commands)
{
	const VkMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT |
			VK_ACCESS_HOST_READ_BIT,
	};

	vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
		VK_PIPELINE_STAGE_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0,
		NULL, 0, NULL);
}

void vku_fill(const struct vku *vk, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size,
	uint32_t word)
{
	VkCommandBuffer commands = vku_begin(vk);

	vkCmdFillBuffer(commands, buffer, offset, size, word);
	vku_submit(vk, commands);
}

void vku_copy(const struct vku *vk, VkBuffer from, VkDeviceSize from_offset, VkBuffer to,
	VkDeviceSize to_offset, VkDeviceSize size)
{
	const VkBufferCopy region = {
		.srcOffset = from_offset,
		.dstOffset = to_offset,
		.size = size,
	};
	VkCommandBuffer commands = vku_begin(vk);

	vkCmdCopyBuffer(commands, from, to, 1, &region);
	vku_submit(vk, commands);
}

void vku_read(
	const struct vku *vk, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size, void *data)
{
	struct vku_buffer staging;

	vku_buffer_init(vk, &staging, size);
	vku_copy(vk, buffer, offset, staging.buffer, 0, size);
	memcpy(data, staging.map, size);
	vku_buffer_finish(vk, &staging);
}

void vku_write(const struct vku *vk, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size,
	const void *data)
{
	struct vku_buffer staging;

	vku_buffer_init(vk, &staging, size);
	memcpy(staging.map, data, size);
	vku_copy(vk, staging.buffer, 0, buffer, offset, size);
	vku_buffer_finish(vk, &staging);
}

uint32_t vku_read_word(const struct vku *vk, VkBuffer buffer, VkDeviceSize offset)
{
	uint32_t word;

	vku_read(vk, buffer, offset, sizeof(word), &word);
	return word;
}
