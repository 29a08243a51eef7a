/* SPDX-License-Identifier: MIT */
#include "submit.h"

#include <errno.h>
#include <stdlib.h>

#include "alloc.h"
#include "kernel.h"
#include "syncobj.h"
#include "uobj.h"

struct vmb_sim_submit_job {
	struct vmb_sim_job *job; /* NULL once queued */
	struct vmb_sim_queue *queue;
	struct drm_panthor_sync_op *syncs;
	uint32_t sync_count;
};

/* A point that the call signals. fence is the point's current fence, at first the syncobj's. */
struct vmb_sim_submit_signal {
	uint32_t handle;
	uint64_t point;
	struct vmb_sim_syncobj *syncobj;
	struct vmb_sim_fence *fence; /* NULL: the point has no fence */
};

void vmb_sim_submit_init(struct vmb_sim_submit *submit, struct vmb_sim_call *call)
{
	*submit = (struct vmb_sim_submit){ .call = call };
}

void vmb_sim_submit_finish(struct vmb_sim_submit *submit)
{
	for (size_t i = 0; i < submit->job_count; i++) {
		vmb_sim_job_destroy(submit->jobs[i].job);
		free(submit->jobs[i].syncs);
	}
	for (size_t i = 0; i < submit->signal_count; i++) {
		vmb_sim_syncobj_unref(submit->signals[i].syncobj);
		vmb_sim_fence_unref(submit->signals[i].fence);
	}
	free(submit->jobs);
	free(submit->signals);
}

int vmb_sim_submit_add(struct vmb_sim_submit *submit, struct vmb_sim_queue *queue,
	struct vmb_sim_job *job, const struct drm_panthor_obj_array *syncs)
{
	submit->jobs = vmb_sim_grow(
		submit->jobs, submit->job_count, &submit->job_capacity, sizeof(*submit->jobs));
	struct vmb_sim_submit_job *added = &submit->jobs[submit->job_count++];
	*added = (struct vmb_sim_submit_job){ .job = job, .queue = queue };

	void *copy;
	int result = vmb_sim_uobj_get_array(syncs, sizeof(struct drm_panthor_sync_op),
		sizeof(struct drm_panthor_sync_op), &copy);
	added->syncs = copy;
	added->sync_count = result ? 0 : syncs->count;
	return result;
}

static int check_sync_op(const struct drm_panthor_sync_op *sync)
{
	uint32_t type = sync->flags & DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_MASK;
	if (sync->flags & ~(DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_MASK | DRM_PANTHOR_SYNC_OP_SIGNAL)) {
		return -EINVAL;
	}
	if (type == DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_TIMELINE_SYNCOBJ) {
		return 0;
	}
	return type == DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_SYNCOBJ && !sync->timeline_value ? 0
											: -EINVAL;
}

static struct vmb_sim_submit_signal *find_signal(
	struct vmb_sim_submit *submit, const struct drm_panthor_sync_op *sync)
{
	for (size_t i = 0; i < submit->signal_count; i++) {
		struct vmb_sim_submit_signal *signal = &submit->signals[i];
		if (signal->handle == sync->handle && signal->point == sync->timeline_value) {
			return signal;
		}
	}
	return NULL;
}

static int add_signal(struct vmb_sim_submit *submit, const struct drm_panthor_sync_op *sync)
{
	int result = check_sync_op(sync);
	if (result || find_signal(submit, sync)) {
		return result;
	}
	struct vmb_sim_syncobj *syncobj = vmb_sim_handles_get(
		&submit->call->file->syncobjs, sync->handle);
	if (!syncobj) {
		return -EINVAL;
	}
	submit->signals = vmb_sim_grow(submit->signals, submit->signal_count,
		&submit->signal_capacity, sizeof(*submit->signals));
	submit->signals[submit->signal_count++] = (struct vmb_sim_submit_signal){
		.handle = sync->handle,
		.point = sync->timeline_value,
		.syncobj = vmb_sim_syncobj_ref(syncobj),
		.fence = vmb_sim_fence_find(syncobj->fence, sync->timeline_value),
	};
	return 0;
}

static int add_wait(struct vmb_sim_submit *submit, struct vmb_sim_job *job,
	const struct drm_panthor_sync_op *sync)
{
	int result = check_sync_op(sync);
	if (result) {
		return result;
	}
	struct vmb_sim_fence *fence;
	const struct vmb_sim_submit_signal *signal = find_signal(submit, sync);
	if (signal) {
		fence = signal->fence ? vmb_sim_fence_ref(signal->fence) : NULL;
	} else {
		const struct vmb_sim_syncobj *syncobj = vmb_sim_handles_get(
			&submit->call->file->syncobjs, sync->handle);
		if (!syncobj) {
			return -ENOENT;
		}
		fence = vmb_sim_fence_find(syncobj->fence, sync->timeline_value);
	}
	if (!fence) {
		return -EINVAL;
	}
	vmb_sim_job_add_wait(job, fence);
	return 0;
}

static bool is_signal(const struct drm_panthor_sync_op *sync)
{
	return sync->flags & DRM_PANTHOR_SYNC_OP_SIGNAL;
}

/* panthor collects every signal of the call before it looks up the first wait. */
static int collect_signals(struct vmb_sim_submit *submit)
{
	for (size_t i = 0; i < submit->job_count; i++) {
		const struct vmb_sim_submit_job *job = &submit->jobs[i];
		for (uint32_t j = 0; j < job->sync_count; j++) {
			int result = is_signal(&job->syncs[j]) ? add_signal(submit, &job->syncs[j])
							       : 0;
			if (result) {
				return result;
			}
		}
	}
	return 0;
}

static int add_waits(struct vmb_sim_submit *submit, const struct vmb_sim_submit_job *job)
{
	for (uint32_t i = 0; i < job->sync_count; i++) {
		int result = is_signal(&job->syncs[i]) ? 0
						       : add_wait(submit, job->job, &job->syncs[i]);
		if (result) {
			return result;
		}
	}
	for (uint32_t i = 0; i < job->sync_count; i++) {
		if (is_signal(&job->syncs[i])) {
			struct vmb_sim_submit_signal *signal = find_signal(submit, &job->syncs[i]);
			vmb_sim_fence_unref(signal->fence);
			signal->fence = vmb_sim_fence_ref(job->job->done);
		}
	}
	return 0;
}

int vmb_sim_submit_run(struct vmb_sim_submit *submit)
{
	struct vmb_sim *sim = submit->call->sim;
	int result = collect_signals(submit);
	for (size_t i = 0; !result && i < submit->job_count; i++) {
		result = add_waits(submit, &submit->jobs[i]);
	}
	if (result) {
		return result;
	}

	/* The call cannot fail from here on. */
	for (size_t i = 0; i < submit->job_count; i++) {
		vmb_sim_queue_push(sim, submit->jobs[i].queue, submit->jobs[i].job);
		submit->jobs[i].job = NULL;
	}
	for (size_t i = 0; i < submit->signal_count; i++) {
		struct vmb_sim_submit_signal *signal = &submit->signals[i];
		if (signal->point) {
			vmb_sim_syncobj_add_point(
				sim, signal->syncobj, signal->fence, signal->point);
		} else {
			vmb_sim_syncobj_replace(sim, signal->syncobj, signal->fence);
		}
	}
	vmb_sim_run_queues(sim);
	return 0;
}
