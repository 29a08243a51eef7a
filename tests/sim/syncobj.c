/* SPDX-License-Identifier: MIT */
#include "syncobj.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "alloc.h"
#include "files.h"
#include "kernel.h"
#include "uapi/drm.h"

/* A syncobj that a thread waits for. */
struct vmb_sim_wait {
	struct vmb_sim_wait *next; /* in vmb_sim.waits */
	struct vmb_sim_syncobj *syncobj;
	uint64_t point;
	/* Set as soon as the point has a fence. Stays set if the syncobj loses the fence before the
	 * thread wakes up. */
	struct vmb_sim_fence *fence;
};

struct vmb_sim_syncobj *vmb_sim_syncobj_ref(struct vmb_sim_syncobj *syncobj)
{
	syncobj->refs++;
	return syncobj;
}

void vmb_sim_syncobj_unref(struct vmb_sim_syncobj *syncobj)
{
	if (--syncobj->refs == 0) {
		vmb_sim_fence_unref(syncobj->fence);
		free(syncobj);
	}
}

static void update_waits(struct vmb_sim *sim, struct vmb_sim_syncobj *syncobj)
{
	for (struct vmb_sim_wait *wait = sim->waits; wait; wait = wait->next) {
		if (wait->syncobj == syncobj && !wait->fence) {
			wait->fence = vmb_sim_fence_find(syncobj->fence, wait->point);
		}
	}
	pthread_cond_broadcast(&sim->changed);
}

void vmb_sim_syncobj_replace(
	struct vmb_sim *sim, struct vmb_sim_syncobj *syncobj, struct vmb_sim_fence *fence)
{
	struct vmb_sim_fence *old = syncobj->fence;
	syncobj->fence = fence ? vmb_sim_fence_ref(fence) : NULL;
	vmb_sim_fence_unref(old);
	update_waits(sim, syncobj);
}

void vmb_sim_syncobj_add_point(struct vmb_sim *sim, struct vmb_sim_syncobj *syncobj,
	struct vmb_sim_fence *fence, uint64_t point)
{
	syncobj->fence = vmb_sim_fence_create_chain(
		syncobj->fence, fence, point, ++sim->last_context);
	update_waits(sim, syncobj);
}

static struct vmb_sim_syncobj *find_syncobj(struct vmb_sim_call *call, uint32_t handle)
{
	return vmb_sim_handles_get(&call->file->syncobjs, handle);
}

static int find_fence(
	struct vmb_sim_call *call, uint32_t handle, uint64_t point, struct vmb_sim_fence **fence)
{
	struct vmb_sim_syncobj *syncobj = find_syncobj(call, handle);
	if (!syncobj) {
		return -ENOENT;
	}
	*fence = vmb_sim_fence_find(syncobj->fence, point);
	return *fence ? 0 : -EINVAL;
}

/* Returns -ENOENT if a handle is not a syncobj's, -EFAULT without an array. */
static int check_handles(struct vmb_sim_call *call, uint64_t handles, uint32_t count)
{
	const uint32_t *array = (const void *)(uintptr_t)handles;
	if (!array) {
		return -EFAULT;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!find_syncobj(call, array[i])) {
			return -ENOENT;
		}
	}
	return 0;
}

static uint32_t handle_at(uint64_t handles, uint32_t i)
{
	return ((const uint32_t *)(uintptr_t)handles)[i];
}

static uint64_t point_at(uint64_t points, uint32_t i)
{
	return points ? ((const uint64_t *)(uintptr_t)points)[i] : 0;
}

int vmb_sim_syncobj_create(struct vmb_sim_call *call, void *argument)
{
	struct drm_syncobj_create *args = argument;
	if (args->flags & ~DRM_SYNCOBJ_CREATE_SIGNALED) {
		return -EINVAL;
	}
	struct vmb_sim_syncobj *syncobj = vmb_sim_alloc(sizeof(*syncobj));
	syncobj->refs = 1;
	if (args->flags & DRM_SYNCOBJ_CREATE_SIGNALED) {
		syncobj->fence = vmb_sim_fence_create(true);
	}
	args->handle = vmb_sim_handles_add(&call->file->syncobjs, syncobj, UINT32_MAX);
	return 0;
}

int vmb_sim_syncobj_destroy(struct vmb_sim_call *call, void *argument)
{
	const struct drm_syncobj_destroy *args = argument;
	if (args->pad) {
		return -EINVAL;
	}
	struct vmb_sim_syncobj *syncobj = vmb_sim_handles_remove(
		&call->file->syncobjs, args->handle);
	if (!syncobj) {
		return -EINVAL;
	}
	vmb_sim_syncobj_unref(syncobj);
	return 0;
}

int vmb_sim_syncobj_handle_to_fd(struct vmb_sim_call *call, void *argument)
{
	struct drm_syncobj_handle *args = argument;
	uint32_t known = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE |
		DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_TIMELINE;
	if (args->pad || (args->flags & ~known)) {
		return -EINVAL;
	}
	if (args->flags & DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE) {
		return -EOPNOTSUPP;
	}
	struct vmb_sim_syncobj *syncobj = find_syncobj(call, args->handle);
	if (args->point || !syncobj) {
		return -EINVAL;
	}
	return vmb_sim_export_syncobj(call->sim, syncobj, &args->fd);
}

int vmb_sim_syncobj_fd_to_handle(struct vmb_sim_call *call, void *argument)
{
	struct drm_syncobj_handle *args = argument;
	uint32_t known = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE |
		DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_TIMELINE;
	if (args->pad || (args->flags & ~known)) {
		return -EINVAL;
	}
	if (args->flags & DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE) {
		return -EOPNOTSUPP;
	}
	const struct vmb_sim_export *exported = vmb_sim_find_export(call->sim, args->fd);
	if (args->point || !exported || !exported->syncobj) {
		return -EINVAL;
	}
	/* Unlike a BO, a syncobj gets a new handle with each import. */
	args->handle = vmb_sim_handles_add(
		&call->file->syncobjs, vmb_sim_syncobj_ref(exported->syncobj), UINT32_MAX);
	return 0;
}

int vmb_sim_syncobj_reset(struct vmb_sim_call *call, void *argument)
{
	const struct drm_syncobj_array *args = argument;
	if (args->pad || !args->count_handles) {
		return -EINVAL;
	}
	int result = check_handles(call, args->handles, args->count_handles);
	for (uint32_t i = 0; !result && i < args->count_handles; i++) {
		struct vmb_sim_syncobj *syncobj = find_syncobj(call, handle_at(args->handles, i));
		vmb_sim_syncobj_replace(call->sim, syncobj, NULL);
	}
	return result;
}

int vmb_sim_syncobj_signal(struct vmb_sim_call *call, void *argument)
{
	const struct drm_syncobj_array *args = argument;
	if (args->pad || !args->count_handles) {
		return -EINVAL;
	}
	int result = check_handles(call, args->handles, args->count_handles);
	for (uint32_t i = 0; !result && i < args->count_handles; i++) {
		struct vmb_sim_syncobj *syncobj = find_syncobj(call, handle_at(args->handles, i));
		struct vmb_sim_fence *fence = vmb_sim_fence_create(true);
		vmb_sim_syncobj_replace(call->sim, syncobj, fence);
		vmb_sim_fence_unref(fence);
	}
	return result;
}

int vmb_sim_syncobj_timeline_signal(struct vmb_sim_call *call, void *argument)
{
	const struct drm_syncobj_timeline_array *args = argument;
	if (args->flags || !args->count_handles) {
		return -EINVAL;
	}
	int result = check_handles(call, args->handles, args->count_handles);
	for (uint32_t i = 0; !result && i < args->count_handles; i++) {
		struct vmb_sim_syncobj *syncobj = find_syncobj(call, handle_at(args->handles, i));
		struct vmb_sim_fence *fence = vmb_sim_fence_create(true);
		vmb_sim_syncobj_add_point(call->sim, syncobj, fence, point_at(args->points, i));
		vmb_sim_fence_unref(fence);
	}
	return result;
}

int vmb_sim_syncobj_query(struct vmb_sim_call *call, void *argument)
{
	const struct drm_syncobj_timeline_array *args = argument;
	if ((args->flags & ~DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED) || !args->count_handles) {
		return -EINVAL;
	}
	uint64_t *points = (void *)(uintptr_t)args->points;
	int result = check_handles(call, args->handles, args->count_handles);
	for (uint32_t i = 0; !result && i < args->count_handles; i++) {
		points[i] = vmb_sim_fence_query(
			find_syncobj(call, handle_at(args->handles, i))->fence,
			args->flags & DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED);
	}
	return result;
}

static struct timespec to_timespec(int64_t nsec)
{
	/* A 32-bit time_t holds 68 years after the boot. No test waits longer. */
	int64_t seconds = nsec < 0 ? 0 : nsec / 1000000000;
	return (struct timespec){
		.tv_sec = (time_t)(seconds < INT32_MAX ? seconds : INT32_MAX),
		.tv_nsec = nsec < 0 ? 0 : (long)(nsec % 1000000000),
	};
}

/* Sleeps until a fence or a syncobj has changed. Returns -ETIME at the timeout, an absolute time of
 * CLOCK_MONOTONIC. */
static int sleep_until(struct vmb_sim *sim, int64_t timeout_nsec)
{
	struct timespec until = to_timespec(timeout_nsec);
	return pthread_cond_timedwait(&sim->changed, &sim->lock, &until) == ETIMEDOUT ? -ETIME : 0;
}

/* The common arguments of both wait ioctls. points may be 0. */
struct wait_args {
	uint64_t handles;
	uint64_t points;
	uint32_t count;
	uint32_t flags;
	int64_t timeout_nsec;
	uint32_t *first_signaled;
};

/* Whether the wait is complete. */
static bool is_complete(
	const struct wait_args *args, const struct vmb_sim_wait *waits, uint32_t *first_signaled)
{
	uint32_t signaled = 0;
	for (uint32_t i = args->count; i-- > 0;) {
		const struct vmb_sim_fence *fence = waits[i].fence;
		if (fence &&
			((args->flags & DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE) ||
				vmb_sim_fence_is_signaled(fence))) {
			*first_signaled = i;
			signaled++;
		}
	}
	if (args->flags & DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL) {
		return signaled == args->count;
	}
	return signaled > 0;
}

static int wait_for_fences(
	struct vmb_sim_call *call, const struct wait_args *args, struct vmb_sim_wait *waits)
{
	uint32_t waits_for_submit = args->flags &
		(DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT | DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE);
	for (uint32_t i = 0; i < args->count; i++) {
		waits[i].fence = vmb_sim_fence_find(waits[i].syncobj->fence, waits[i].point);
		if (!waits[i].fence && !waits_for_submit) {
			return -EINVAL;
		}
	}

	uint32_t first_signaled = UINT32_MAX;
	int result = 0;
	while (!is_complete(args, waits, &first_signaled)) {
		if (result) {
			return result;
		}
		/* The loop checks the fences once more after the timeout. */
		result = sleep_until(call->sim, args->timeout_nsec);
	}
	*args->first_signaled = first_signaled;
	return 0;
}

static int wait_for_array(struct vmb_sim_call *call, const struct wait_args *args)
{
	if (args->count == 0) {
		return 0;
	}
	int result = check_handles(call, args->handles, args->count);
	if (result) {
		return result;
	}

	struct vmb_sim *sim = call->sim;
	struct vmb_sim_wait *waits = vmb_sim_alloc(args->count * sizeof(*waits));
	for (uint32_t i = 0; i < args->count; i++) {
		waits[i].syncobj = vmb_sim_syncobj_ref(
			find_syncobj(call, handle_at(args->handles, i)));
		waits[i].point = point_at(args->points, i);
		waits[i].next = sim->waits;
		sim->waits = &waits[i];
	}

	result = wait_for_fences(call, args, waits);

	for (uint32_t i = 0; i < args->count; i++) {
		struct vmb_sim_wait **link = &sim->waits;
		while (*link != &waits[i]) {
			link = &(*link)->next;
		}
		*link = waits[i].next;
		vmb_sim_fence_unref(waits[i].fence);
		vmb_sim_syncobj_unref(waits[i].syncobj);
	}
	free(waits);
	return result;
}

int vmb_sim_syncobj_wait(struct vmb_sim_call *call, void *argument)
{
	struct drm_syncobj_wait *args = argument;
	uint32_t known = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL | DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT |
		DRM_SYNCOBJ_WAIT_FLAGS_WAIT_DEADLINE;
	if (args->flags & ~known) {
		return -EINVAL;
	}
	struct wait_args wait = {
		.handles = args->handles,
		.count = args->count_handles,
		.flags = args->flags,
		.timeout_nsec = args->timeout_nsec,
		.first_signaled = &args->first_signaled,
	};
	return wait_for_array(call, &wait);
}

int vmb_sim_syncobj_timeline_wait(struct vmb_sim_call *call, void *argument)
{
	struct drm_syncobj_timeline_wait *args = argument;
	uint32_t known = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL | DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT |
		DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE | DRM_SYNCOBJ_WAIT_FLAGS_WAIT_DEADLINE;
	if (args->flags & ~known) {
		return -EINVAL;
	}
	struct wait_args wait = {
		.handles = args->handles,
		.points = args->points,
		.count = args->count_handles,
		.flags = args->flags,
		.timeout_nsec = args->timeout_nsec,
		.first_signaled = &args->first_signaled,
	};
	return wait_for_array(call, &wait);
}

/* drm_syncobj_find_fence() with WAIT_FOR_SUBMIT: waits for five seconds, then returns -ETIME. */
static int wait_for_fence(struct vmb_sim_call *call, uint32_t handle, uint64_t point)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint32_t first_signaled;
	struct wait_args wait = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.count = 1,
		.flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE,
		.timeout_nsec = (now.tv_sec + INT64_C(5)) * 1000000000 + now.tv_nsec,
		.first_signaled = &first_signaled,
	};
	return wait_for_array(call, &wait);
}

int vmb_sim_syncobj_transfer(struct vmb_sim_call *call, void *argument)
{
	const struct drm_syncobj_transfer *args = argument;
	if (args->pad) {
		return -EINVAL;
	}
	struct vmb_sim_syncobj *destination = find_syncobj(call, args->dst_handle);
	if (!destination) {
		return -ENOENT;
	}
	if (args->flags & ~DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT) {
		return find_syncobj(call, args->src_handle) ? -EINVAL : -ENOENT;
	}

	vmb_sim_syncobj_ref(destination);
	int result = 0;
	struct vmb_sim_fence *fence = NULL;
	if (args->flags) {
		result = wait_for_fence(call, args->src_handle, args->src_point);
	}
	if (!result) {
		result = find_fence(call, args->src_handle, args->src_point, &fence);
	}
	if (!result && args->dst_point) {
		vmb_sim_syncobj_add_point(call->sim, destination, fence, args->dst_point);
	} else if (!result) {
		vmb_sim_syncobj_replace(call->sim, destination, fence);
	}
	vmb_sim_fence_unref(fence);
	vmb_sim_syncobj_unref(destination);
	return result;
}
