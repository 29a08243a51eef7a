/* SPDX-License-Identifier: MIT */
#include "work_queue.h"

#include <stdlib.h>

/*
 * A bind is a queue operation without an implicit order, not even relative to other work on the
 * same queue. Only semaphores order binds ("Sparse Memory Binding Functions"). A shader must not
 * run before the bind that it needs, and a bind must not replace a page that a shader still uses.
 *
 * The demo uses one timeline semaphore. Each submission waits for the previous submission, and
 * increments the semaphore when it is done. A program that needs speed would use a weaker order.
 * A signal makes memory writes available and a wait makes them visible ("Synchronization and Cache
 * Control", "Semaphores"). So no other barrier is necessary between two submissions, not even
 * between two places of aliased memory.
 */

void work_queue_init(
	struct work_queue *queue, const struct vku *vk, enum bind_mode mode, VkDeviceSize page)
{
	*queue = (struct work_queue){
		.vk = vk,
		.mode = mode,
		.page = page,
		.timeline = vku_create_timeline(vk, 0),
	};
}

void work_queue_finish(struct work_queue *queue)
{
	if (queue->timeline) {
		vkDestroySemaphore(queue->vk->device, queue->timeline, NULL);
		queue->timeline = VK_NULL_HANDLE;
	}
}

static void submit_bind(
	struct work_queue *queue, const VkSparseBufferMemoryBindInfo *infos, uint32_t count)
{
	const uint64_t before = queue->last;
	const uint64_t after = queue->last + 1;
	const VkTimelineSemaphoreSubmitInfo values = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = 1,
		.pWaitSemaphoreValues = &before,
		.signalSemaphoreValueCount = 1,
		.pSignalSemaphoreValues = &after,
	};
	/* One VkBindSparseInfo is one batch. The binds in a batch have no order. */
	const VkBindSparseInfo batch = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.pNext = &values,
		.waitSemaphoreCount = 1,
		.pWaitSemaphores = &queue->timeline,
		.bufferBindCount = count,
		.pBufferBinds = infos,
		.signalSemaphoreCount = 1,
		.pSignalSemaphores = &queue->timeline,
	};

	VKU_CHECK(vkQueueBindSparse(queue->vk->queue, 1, &batch, VK_NULL_HANDLE));
	queue->last = after;
	queue->calls++;
	for (uint32_t i = 0; i < count; i++) {
		queue->binds += infos[i].bindCount;
	}
}

/* The bind of page i of a run. */
static VkSparseMemoryBind bind_of_page(
	const struct work_queue *queue, const VkSparseMemoryBind *run, VkDeviceSize i)
{
	VkSparseMemoryBind bind = *run;

	bind.resourceOffset += i * queue->page;
	bind.size = queue->page;
	bind.memoryOffset += run->memory ? i * queue->page : 0;
	return bind;
}

static void split_into_pages(struct work_queue *queue, const VkSparseBufferMemoryBindInfo *info,
	VkSparseMemoryBind *pages, uint32_t *count)
{
	for (uint32_t i = 0; i < info->bindCount; i++) {
		const VkSparseMemoryBind *run = &info->pBinds[i];
		for (VkDeviceSize page = 0; page < run->size / queue->page; page++) {
			pages[*count] = bind_of_page(queue, run, page);
			if (queue->mode == BIND_CALLS) {
				const VkSparseBufferMemoryBindInfo one = {
					.buffer = info->buffer,
					.bindCount = 1,
					.pBinds = &pages[*count],
				};
				submit_bind(queue, &one, 1);
			}
			++*count;
		}
	}
}

static uint64_t count_pages(
	const struct work_queue *queue, const VkSparseBufferMemoryBindInfo *infos, uint32_t count)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t j = 0; j < infos[i].bindCount; j++) {
			pages += infos[i].pBinds[j].size / queue->page;
		}
	}
	return pages;
}

void work_queue_bind(
	struct work_queue *queue, const VkSparseBufferMemoryBindInfo *infos, uint32_t count)
{
	if (queue->mode == BIND_RUNS) {
		submit_bind(queue, infos, count);
		return;
	}
	VkSparseMemoryBind *pages = calloc(count_pages(queue, infos, count), sizeof(*pages));
	VkSparseBufferMemoryBindInfo *split = calloc(count, sizeof(*split));
	uint32_t done = 0;
	if (!pages || !split) {
		vku_fail("out of memory");
	}
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t first = done;
		split_into_pages(queue, &infos[i], pages, &done);
		split[i] = (VkSparseBufferMemoryBindInfo){
			.buffer = infos[i].buffer,
			.bindCount = done - first,
			.pBinds = &pages[first],
		};
	}
	if (queue->mode == BIND_PAGES) {
		submit_bind(queue, split, count);
	}
	free(pages);
	free(split);
}

void work_queue_bind_buffer(
	struct work_queue *queue, VkBuffer buffer, const VkSparseMemoryBind *binds, uint32_t count)
{
	const VkSparseBufferMemoryBindInfo info = {
		.buffer = buffer,
		.bindCount = count,
		.pBinds = binds,
	};

	work_queue_bind(queue, &info, 1);
}

void work_queue_submit(struct work_queue *queue, VkCommandBuffer commands)
{
	const uint64_t before = queue->last;
	const uint64_t after = queue->last + 1;
	const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	const VkTimelineSemaphoreSubmitInfo values = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = 1,
		.pWaitSemaphoreValues = &before,
		.signalSemaphoreValueCount = 1,
		.pSignalSemaphoreValues = &after,
	};
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &values,
		.waitSemaphoreCount = 1,
		.pWaitSemaphores = &queue->timeline,
		.pWaitDstStageMask = &stage,
		.commandBufferCount = 1,
		.pCommandBuffers = &commands,
		.signalSemaphoreCount = 1,
		.pSignalSemaphores = &queue->timeline,
	};

	/* A semaphore makes writes visible to the device only. The CPU needs a barrier. */
	vku_barrier(commands);
	VKU_CHECK(vkEndCommandBuffer(commands));
	VKU_CHECK(vkQueueSubmit(queue->vk->queue, 1, &info, VK_NULL_HANDLE));
	queue->last = after;
	/* vku_finish() frees the command buffer with its pool. */
}

void work_queue_wait(struct work_queue *queue)
{
	vku_wait(queue->vk, queue->timeline, queue->last);
}

uint64_t work_queue_hold(struct work_queue *queue)
{
	/* No submission signals this value. Only work_queue_release() does. */
	work_queue_wait(queue);
	return ++queue->last;
}

void work_queue_release(struct work_queue *queue, uint64_t hold)
{
	vku_signal(queue->vk, queue->timeline, hold);
}
