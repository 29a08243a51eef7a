/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "kernel.h"
#include "submit.h"
#include "uobj.h"

/* panthor_job_create() */
static int check_submit(
	const struct vmb_sim_group *group, const struct drm_panthor_queue_submit *submit)
{
	if (submit->pad || !submit->stream_size != !submit->stream_addr ||
		submit->stream_addr % 64 || submit->stream_size % 8 ||
		(submit->latest_flush & UINT32_C(0x7f000000))) {
		return -EINVAL;
	}
	return group && submit->queue_index < group->queue_count ? 0 : -EINVAL;
}

int vmb_sim_group_submit(struct vmb_sim_call *call, void *argument)
{
	const struct drm_panthor_group_submit *args = argument;
	if (args->pad) {
		return -EINVAL;
	}
	void *copy;
	int result = vmb_sim_uobj_get_array(&args->queue_submits,
		sizeof(struct drm_panthor_queue_submit), sizeof(struct drm_panthor_queue_submit),
		&copy);
	if (result) {
		return result;
	}

	/* The kernel uses 16 bits of a group handle. */
	struct vmb_sim_group *group = vmb_sim_handles_get(
		&call->file->groups, args->group_handle & 0xffff);
	const struct drm_panthor_queue_submit *submits = copy;
	struct vmb_sim_submit submit;
	vmb_sim_submit_init(&submit, call);
	for (uint32_t i = 0; !result && i < args->queue_submits.count; i++) {
		result = check_submit(group, &submits[i]);
		if (!result) {
			result = vmb_sim_submit_add(&submit, &group->queues[submits[i].queue_index],
				vmb_sim_job_create(), &submits[i].syncs);
		}
	}
	if (!result) {
		result = vmb_sim_submit_run(&submit);
	}
	vmb_sim_submit_finish(&submit);
	free(copy);
	return result;
}
