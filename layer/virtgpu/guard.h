/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_GUARD_H
#define VMB_VIRTGPU_GUARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "virtgpu/hostmem.h"

struct vmb_blocked_blob;

/* A blob whose first mapping is to be made. */
struct vmb_guarded {
	int dmabuf;
	uint64_t size; /* bytes */
	bool has_blocked_helpers; /* helpers are blocked on the blob already, of any process */
	/* Called once the blob is in hostmem, at once or later, on any thread, with map_lock held.
	 * The driver may have closed the blob; the members below identify it. */
	void (*mapped)(const struct vmb_guarded *blob);
	void *owner;
	uint32_t handle;
	uint64_t serial;
};

/*
 * The guard of deferred blobs. In Linux 7.3 the first mapping of a deferred blob waits for ever,
 * and cannot be killed, if hostmem is full. So the first mapping never happens in the application's
 * process: a probe checks for room, and a helper process makes the mapping. Once a helper has
 * mapped a blob, the blob stays in hostmem until it is closed, and no later mapping of it can
 * block.
 *
 * Between the probe and the helper another process may take the room. And the kernel frees the
 * probe's own room a little after the probe. Then the helper is blocked. A later helper that finds
 * room maps the blob for both: the kernel wakes all processes that wait for the blob. If every
 * helper of a blob is blocked, the guard refuses the mapping and keeps the blob's dma-buf, to wake
 * the helpers once there is room. Helpers look for room by themselves as well, but less often.
 *
 * The caller keeps a thread that is in here from being cancelled. Errors are negative errno values,
 * never EINTR or EAGAIN, which a driver answers by calling again. Any thread.
 */
struct vmb_guard {
	/* One guard for each process. Held while a blob is first mapped, since two probes at once
	 * may find the same room. Guards the list. */
	pthread_mutex_t map_lock;
	struct vmb_blocked_blob *blocked;
	/* The list is not empty; read without the lock. */
	_Atomic bool has_blocked;
	/* Room was freed since the last attempt to wake. */
	_Atomic bool is_wake_due;
};

#define VMB_GUARD_INITIALIZER \
	{ \
		.map_lock = PTHREAD_MUTEX_INITIALIZER \
	}

/*
 * Makes the first mapping of a blob. The caller holds map_lock, and has checked under the lock that
 * the blob is not mapped yet. Takes the dma-buf over. helper is the path of the helper program.
 * hostmem and the path are used until vmb_guard_forget_hostmem() if helpers stay blocked.
 *
 * 0 if the blob is in hostmem, or if the host has refused the blob: then its mapping fails at once.
 * -ENOSPC if there is no room. Any other error if that could not be found out.
 */
int vmb_guard_map(struct vmb_guard *guard, struct vmb_hostmem *hostmem, const char *helper,
	const struct vmb_guarded *blob);

/*
 * Tries to wake the blocked helpers of all devices. For callers that freed room in hostmem, and for
 * callers that have held map_lock, after they release it. Takes a few milliseconds at most without
 * room. If another thread holds the lock, that thread wakes them, or the next call does.
 */
void vmb_guard_wake_blocked_helpers(struct vmb_guard *guard);

/*
 * Before a hostmem is finished. Takes map_lock, and may wait for it. Stops keeping the dma-bufs of
 * that hostmem's blocked blobs: their driver is gone, and a kept dma-buf would keep the blob in
 * hostmem once a helper maps it.
 */
void vmb_guard_forget_hostmem(struct vmb_guard *guard, const struct vmb_hostmem *hostmem);

/*
 * In the child of a fork(), before any other use: another thread may have held the lock in the
 * parent. The parent keeps its blocked helpers.
 */
void vmb_guard_after_fork(struct vmb_guard *guard);

#endif
