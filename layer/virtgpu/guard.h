/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_GUARD_H
#define VMB_VIRTGPU_GUARD_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "virtgpu/hostmem.h"

struct vmb_rescue;

/* A blob whose first mapping is to be made. */
struct vmb_guarded {
	int dmabuf;
	uint64_t size; /* bytes */
	bool has_sleepers; /* helpers were left on it before, the caller's or others */
	/* Told that the blob is in the window, at once or after a rescue, from any thread and with
	 * map_lock held. The blob may be closed by then; the rest is to know it by. */
	void (*mapped)(const struct vmb_guarded *blob);
	void *owner;
	uint32_t handle;
	uint64_t serial;
};

/*
 * The guard of deferred blobs. In Linux 7.3 the first mapping of one sleeps for ever, and cannot be
 * killed, if the window is full then. So it never happens in the application's process, but in a
 * helper, after a probe has found room. Once a helper has mapped a blob it stays in the window
 * until it is closed, and no mapping of it can block.
 *
 * Between the probe and the helper another process may take the room. And the probe's own room
 * comes back a little after it was closed. Then the helper sleeps; a later one that finds room maps
 * the blob for both, since the kernel wakes all that wait for it. A blob whose helpers all sleep is
 * refused, and its dma-buf kept, so that they can be rescued when there is room. They look for room
 * themselves, too, but not as often.
 *
 * A thread that is in here must not be cancelled: the caller sees to that.
 *
 * Errors are negative errno values; never one that says to try again at once (EINTR, EAGAIN).
 */
struct vmb_guard {
	/* One of its own for each process. Held while a blob is first mapped, since two that probe
	 * at once might find the same room; guards the list. */
	pthread_mutex_t map_lock;
	struct vmb_rescue *rescues;
	/* Whether there are any: read without the lock. */
	_Atomic bool has_rescues;
	/* Whether somebody saw a reason to rescue them since the last time that it was tried. */
	_Atomic bool is_rescue_due;
};

#define VMB_GUARD_INITIALIZER \
	{ \
		.map_lock = PTHREAD_MUTEX_INITIALIZER \
	}

/*
 * Makes the first mapping of a blob. The caller holds map_lock, and has seen under it that the
 * mapping is still to be made. Takes the dma-buf over. helper is the path of the program.
 *
 * The window and the path are used until vmb_guard_leave() if helpers are left on the blob.
 *
 * 0 if the blob is in the window; a place there is also what one has that the host refused, and
 * whose mapping fails at once. -ENOSPC if there is no room, others if that could not be found out.
 */
int vmb_guard_map(struct vmb_guard *guard, struct vmb_window *window, const char *helper,
	const struct vmb_guarded *blob);

/*
 * To be called when something of the window was given back, and by who has held map_lock, without
 * it. Tries to rescue the helpers that sleep on blobs, of whatever device. Takes a few milliseconds
 * at most if there is no room. Where another thread has the lock, that thread does it, if it is not
 * at its last round already: then the next call does.
 */
void vmb_guard_rescue(struct vmb_guard *guard);

/*
 * To be called before a window is finished, without map_lock, which it waits for. The helpers that
 * sleep on blobs that were to be mapped there are left to themselves: nobody else needs the
 * mapping, and a dma-buf that is kept would keep the blob in the window once they have made it.
 */
void vmb_guard_leave(struct vmb_guard *guard, const struct vmb_window *window);

/*
 * In the child of a fork(), before it does anything else: whatever another thread was at in the
 * parent, it is not in the child. Those that sleep are left to the parent.
 */
void vmb_guard_after_fork(struct vmb_guard *guard);

#endif
