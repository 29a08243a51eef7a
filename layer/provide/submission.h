/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_SUBMISSION_H
#define VMB_PROVIDE_SUBMISSION_H

#include <vulkan/vulkan.h>

/* Up to so many pieces and semaphores need no allocation. */
#define VMB_SUBMISSION_FEW 4

/*
 * A vkQueueSubmit of nothing but semaphores, put together piece by piece. Borrows the arrays that
 * it is given until it is submitted. Must not be moved or copied: it may point into itself.
 */
struct vmb_submission {
	VkSubmitInfo *infos;
	VkTimelineSemaphoreSubmitInfo *timelines;
	uint32_t count;
	VkPipelineStageFlags *stages; /* as many as the longest list of waits */
	uint64_t *zeros; /* as many as the longest list of all */
	/* Where the above point if they need no more room than this. */
	VkSubmitInfo few_infos[VMB_SUBMISSION_FEW];
	VkTimelineSemaphoreSubmitInfo few_timelines[VMB_SUBMISSION_FEW];
	VkPipelineStageFlags few_stages[VMB_SUBMISSION_FEW];
	uint64_t few_zeros[VMB_SUBMISSION_FEW];
};

/* Semaphores of one side; values is NULL if none of them is a timeline. */
struct vmb_semaphores {
	uint32_t count;
	const VkSemaphore *handles;
	const uint64_t *values;
};

/* Room for so many pieces, with at most so many semaphores on each side. */
VkResult vmb_submission_init(
	struct vmb_submission *submission, uint32_t pieces, uint32_t semaphores);
/* Accepts a zeroed submission. */
void vmb_submission_finish(struct vmb_submission *submission);

/* Adds a piece that waits, then signals. */
void vmb_submission_add(struct vmb_submission *submission, const struct vmb_semaphores *waits,
	const struct vmb_semaphores *signals);

#endif
