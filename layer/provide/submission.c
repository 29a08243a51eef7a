/* SPDX-License-Identifier: MIT */
#include "provide/submission.h"

#include <stdlib.h>

/* Returns few if count entries fit, otherwise allocates. NULL if memory is short. */
static void *array_create(void *few, size_t count, size_t size)
{
	return count <= VMB_SUBMISSION_FEW ? few : calloc(count, size);
}

static void array_destroy(void *memory, const void *few)
{
	if (memory != few) {
		free(memory);
	}
}

VkResult vmb_submission_init(struct vmb_submission *submission, uint32_t infos, uint32_t semaphores)
{
	submission->count = 0;
	submission->infos = array_create(submission->few_infos, infos, sizeof(VkSubmitInfo));
	submission->timelines = array_create(
		submission->few_timelines, infos, sizeof(VkTimelineSemaphoreSubmitInfo));
	submission->stages = array_create(
		submission->few_stages, semaphores, sizeof(VkPipelineStageFlags));
	submission->zeros = array_create(submission->few_zeros, semaphores, sizeof(uint64_t));
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
	array_destroy(submission->infos, submission->few_infos);
	array_destroy(submission->timelines, submission->few_timelines);
	array_destroy(submission->stages, submission->few_stages);
	array_destroy(submission->zeros, submission->few_zeros);
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
