/* SPDX-License-Identifier: MIT */
#include "work_queue.h"

#include <stdlib.h>

/*
 * Binding is a queue operation, and one that is ordered with nothing, not even with other work on
 * the same queue: what orders it is semaphores ("Sparse Memory Binding Functions"). If a shader may
 * run before the bind it needs, or a bind may pull away a page that a shader still uses, all is
 * lost.
 *
 * So there is one timeline semaphore: whatever is submitted waits until what was submitted before
 * it is done, and counts one up when it is done itself. That is stricter than a program for speed
 * would have it, and easy to be sure of. Signalling makes memory writes available and waiting makes
 * them visible ("Synchronization and Cache Control", "Semaphores"): between two submissions no
 * other barrier is necessary, also not between the two places of aliased memory.
 */

void work_queue_init(
	struct work_queue *queue, const struct vku *vk, enum way way, VkDeviceSize page)
{
	*queue = (struct work_queue){
		.vk = vk,
		.way = way,
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

static void bind(
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
	/* All that is in one VkBindSparseInfo is a batch: between its binds there is no order. */
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

/* The naive ways: the i-th page of a bind, as a bind of its own. */
static VkSparseMemoryBind page_of(
	const struct work_queue *queue, const VkSparseMemoryBind *run, VkDeviceSize i)
{
	VkSparseMemoryBind bind = *run;

	bind.resourceOffset += i * queue->page;
	bind.size = queue->page;
	bind.memoryOffset += run->memory ? i * queue->page : 0;
	return bind;
}

static void bind_pages(struct work_queue *queue, const VkSparseBufferMemoryBindInfo *info,
	VkSparseMemoryBind *pages, uint32_t *count)
{
	for (uint32_t i = 0; i < info->bindCount; i++) {
		const VkSparseMemoryBind *run = &info->pBinds[i];
		for (VkDeviceSize page = 0; page < run->size / queue->page; page++) {
			pages[*count] = page_of(queue, run, page);
			if (queue->way == WAY_CALLS) {
				const VkSparseBufferMemoryBindInfo one = {
					.buffer = info->buffer,
					.bindCount = 1,
					.pBinds = &pages[*count],
				};
				bind(queue, &one, 1);
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
	if (queue->way == WAY_RUNS) {
		bind(queue, infos, count);
		return;
	}
	VkSparseMemoryBind *pages = calloc(count_pages(queue, infos, count), sizeof(*pages));
	VkSparseBufferMemoryBindInfo *cut = calloc(count, sizeof(*cut));
	uint32_t done = 0;
	if (!pages || !cut) {
		vku_fail("out of memory");
	}
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t first = done;
		bind_pages(queue, &infos[i], pages, &done);
		cut[i] = (VkSparseBufferMemoryBindInfo){
			.buffer = infos[i].buffer,
			.bindCount = done - first,
			.pBinds = &pages[first],
		};
	}
	if (queue->way == WAY_PAGES) {
		bind(queue, cut, count);
	}
	free(pages);
	free(cut);
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

	/* A semaphore orders memory for the device only; that the CPU sees it takes a barrier. */
	vku_barrier(commands);
	VKU_CHECK(vkEndCommandBuffer(commands));
	VKU_CHECK(vkQueueSubmit(queue->vk->queue, 1, &info, VK_NULL_HANDLE));
	queue->last = after;
	/* The commands are freed with their pool: a tour is short. */
}

void work_queue_wait(struct work_queue *queue)
{
	vku_wait(queue->vk, queue->timeline, queue->last);
}

uint64_t work_queue_hold(struct work_queue *queue)
{
	/* A value that nothing submitted will signal: the CPU has to. */
	work_queue_wait(queue);
	return ++queue->last;
}

void work_queue_release(struct work_queue *queue, uint64_t hold)
{
	vku_signal(queue->vk, queue->timeline, hold);
}
