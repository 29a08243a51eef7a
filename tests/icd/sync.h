/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_SYNC_H
#define VMB_TESTS_SYNC_H

#include "icd.h"

/*
 * A batch of sparse binds or command buffers with its semaphores. A timeline semaphore has a value,
 * a binary semaphore has 0.
 */

struct icd_point {
	VkSemaphore semaphore;
	uint64_t value;
};

#define ICD_POINTS 4

struct icd_batch {
	/* Up to two binds of one buffer, or a command buffer, or neither. */
	VkBuffer buffer;
	VkSparseMemoryBind binds[2];
	uint32_t bind_count;
	VkCommandBuffer commands;
	/* Unused elements are zero. */
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

/* A VkBindSparseInfo with the arrays that it points to. */
struct icd_bind_info {
	VkBindSparseInfo info;
	VkTimelineSemaphoreSubmitInfo timeline;
	VkSparseBufferMemoryBindInfo buffer;
	VkSemaphore waits[ICD_POINTS], signals[ICD_POINTS];
	uint64_t wait_values[ICD_POINTS], signal_values[ICD_POINTS];
};
/* For calls with several batches. info points into itself and must not move. */
void icd_bind_info(struct icd_bind_info *info, const struct icd_batch *batch);

/* Waits for a fence and resets it. */
void icd_wait_fence(const struct vku *vk, VkFence fence);

#endif
