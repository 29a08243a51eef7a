/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_SYNC_H
#define VMB_TESTS_SYNC_H

#include "icd.h"

/*
 * A batch of sparse binds or of command buffers with its semaphores, written down shortly. A
 * timeline semaphore is given with a value, a binary one with 0.
 */

struct icd_point {
	VkSemaphore semaphore;
	uint64_t value;
};

#define ICD_POINTS 4

struct icd_batch {
	/* What happens: up to two binds of one buffer, or a command buffer, or nothing. */
	VkBuffer buffer;
	VkSparseMemoryBind binds[2];
	uint32_t bind_count;
	VkCommandBuffer commands;
	/* Unused ones are zero. */
	struct icd_point waits[ICD_POINTS];
	struct icd_point signals[ICD_POINTS];
	VkFence fence;
};

/* With vkQueueBindSparse. */
VkResult icd_try_bind(const struct vku *vk, const struct icd_batch *batch);
void icd_bind(const struct vku *vk, const struct icd_batch *batch);
/* With vkQueueSubmit. */
VkResult icd_try_submit(const struct vku *vk, const struct icd_batch *batch);
void icd_submit(const struct vku *vk, const struct icd_batch *batch);

/* What VkBindSparseInfo points at. */
struct icd_bind_info {
	VkBindSparseInfo info;
	VkTimelineSemaphoreSubmitInfo timeline;
	VkSparseBufferMemoryBindInfo buffer;
	VkSemaphore waits[ICD_POINTS], signals[ICD_POINTS];
	uint64_t wait_values[ICD_POINTS], signal_values[ICD_POINTS];
};
/* For calls with several batches; info must stay where it is. */
void icd_bind_info(struct icd_bind_info *info, const struct icd_batch *batch);

/* Waits for a fence, resets it. */
void icd_wait_fence(const struct vku *vk, VkFence fence);

#endif
