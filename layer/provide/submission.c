/* SPDX-License-Identifier: MIT */
#include "provide/submission.h"

#include <stdlib.h>

/* few if it holds that many, otherwise new memory. */
static void *room(void *few, size_t count, size_t size)
{
	return count <= VMB_SUBMISSION_FEW ? few : calloc(count, size);
}

static void give_back(void *memory, const void *few)
{
	if (memory != few) {
		free(memory);
	}
}

VkResult vmb_submission_init(
	struct vmb_submission *submission, uint32_t pieces, uint32_t semaphores)
{
	submission->count = 0;
	submission->infos = room(submission->few_infos, pieces, sizeof(VkSubmitInfo));
	submission->timelines = room(
		submission->few_timelines, pieces, sizeof(VkTimelineSemaphoreSubmitInfo));
	submission->stages = room(submission->few_stages, semaphores, sizeof(VkPipelineStageFlags));
	submission->zeros = room(submission->few_zeros, semaphores, sizeof(uint64_t));
	if (!submission->infos || !submission->timelines || !submission->stages ||
		!submission->zeros) {
		vmb_submission_finish(submission);
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	for (uint32_t i = 0; i < semaphores; i++) {
		submission->stages[i] = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
		submission->zeros[i] = 0;
	}
	return VK_SUCCESS;
}

void vmb_submission_finish(struct vmb_submission *submission)
{
	give_back(submission->infos, submission->few_infos);
	give_back(submission->timelines, submission->few_timelines);
	give_back(submission->stages, submission->few_stages);
	give_back(submission->zeros, submission->few_zeros);
	submission->infos = NULL;
	submission->timelines = NULL;
	submission->stages = NULL;
	submission->zeros = NULL;
}

void vmb_submission_add(struct vmb_submission *submission, const struct vmb_semaphores *waits,
	const struct vmb_semaphores *signals)
{
	VkTimelineSemaphoreSubmitInfo *timeline = &submission->timelines[submission->count];
	VkSubmitInfo *info = &submission->infos[submission->count++];

	*timeline = (VkTimelineSemaphoreSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = waits->count,
		.pWaitSemaphoreValues = waits->values ? waits->values : submission->zeros,
		.signalSemaphoreValueCount = signals->count,
		.pSignalSemaphoreValues = signals->values ? signals->values : submission->zeros,
	};
	*info = (VkSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = timeline,
		.waitSemaphoreCount = waits->count,
		.pWaitSemaphores = waits->handles,
		.pWaitDstStageMask = submission->stages,
		.signalSemaphoreCount = signals->count,
		.pSignalSemaphores = signals->handles,
	};
}
