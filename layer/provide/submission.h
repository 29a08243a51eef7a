/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_SUBMISSION_H
#define VMB_PROVIDE_SUBMISSION_H

#include <vulkan/vulkan.h>

/* Up to this many infos and semaphores need no allocation. */
#define VMB_SUBMISSION_FEW 4

/*
 * A vkQueueSubmit of semaphores only, without command buffers. Borrows the arrays of handles and
 * values until the submission. Must not be moved or copied: infos may point to few_infos.
 */
struct vmb_submission {
	VkSubmitInfo *infos;
	VkTimelineSemaphoreSubmitInfo *timelines;
	uint32_t count;
	VkPipelineStageFlags *stages; /* one for each semaphore */
	uint64_t *zeros; /* values of binary semaphores, one for each semaphore */
	/* The storage of the members above for at most VMB_SUBMISSION_FEW entries. */
	VkSubmitInfo few_infos[VMB_SUBMISSION_FEW];
	VkTimelineSemaphoreSubmitInfo few_timelines[VMB_SUBMISSION_FEW];
	VkPipelineStageFlags few_stages[VMB_SUBMISSION_FEW];
	uint64_t few_zeros[VMB_SUBMISSION_FEW];
};

/* The waits or the signals of one info. values is NULL without a timeline semaphore. */
struct vmb_semaphores {
	uint32_t count;
	const VkSemaphore *handles;
	const uint64_t *values;
};

/* Makes room for this many infos, each with at most this many waits and as many signals. Returns
 * VK_ERROR_OUT_OF_HOST_MEMORY if memory is short. */
VkResult vmb_submission_init(
	struct vmb_submission *submission, uint32_t infos, uint32_t semaphores);
/* Accepts a zeroed submission. */
void vmb_submission_finish(struct vmb_submission *submission);

/* Adds an info that waits, then signals. The submission must have room for the info. */
void vmb_submission_add(struct vmb_submission *submission, const struct vmb_semaphores *waits,
	const struct vmb_semaphores *signals);

#endif
