/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_GUARD_H
#define VMB_VIRTGPU_GUARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "virtgpu/hostmem.h"

struct vmb_blocked_blob;

/* A blob that needs its first mapping. */
struct vmb_guarded {
	int dmabuf;
	uint64_t size; /* bytes */
	/* The blob may be in hostmem already: a helper attempts the mapping without a probe, unless
	 * a helper of any process is blocked on the blob. */
	bool is_imported;
	/* Called when the blob is in hostmem: in vmb_guard_map() or later, on any thread, with
	 * map_lock held. The driver may have closed the blob; the members below identify it. */
	void (*mapped)(const struct vmb_guarded *blob);
	void *owner;
	uint32_t handle;
	uint64_t serial;
};

/*
 * The guard of deferred blobs. In Linux 7.3, if hostmem is full, the first mapping of a deferred
 * blob waits for ever, and the process cannot be killed. So the application's process never makes a
 * first mapping: the guard probes for room, and a helper process makes the mapping. A mapped blob
 * stays in hostmem until it is closed, so no later mapping blocks.
 *
 * A helper may block: another process may take the room after the probe, and the kernel frees the
 * probe's own range a little late. If a later helper maps the blob, the kernel wakes every process
 * that waits for the blob. If all helpers of a blob are blocked, the guard refuses the mapping. The
 * guard then keeps the blob's dma-buf, and starts another helper once there is room. Blocked
 * helpers probe by themselves as well, but less often.
 *
 * The caller disables the thread's cancellation. Errors are negative errno values, never EINTR or
 * EAGAIN: drivers repeat the ioctl after these. Any thread.
 */
struct vmb_guard {
	/* Held during a first mapping: two probes at once may find the same room. Each process has
	 * one guard. Guards the list. */
	pthread_mutex_t map_lock;
	struct vmb_blocked_blob *blocked;
	/* The list is not empty; read without the lock. */
	_Atomic bool has_blocked;
	/* Room may have been freed since the last attempt to wake the helpers. */
	_Atomic bool is_wake_due;
};

#define VMB_GUARD_INITIALIZER \
	{ \
		.map_lock = PTHREAD_MUTEX_INITIALIZER \
	}

/*
 * Makes the first mapping of a blob. The caller holds map_lock, and has checked under the lock that
 * the blob is not mapped yet. The guard takes ownership of the dma-buf. helper is the path of the
 * helper program. If helpers stay blocked, the guard uses hostmem and the path until
 * vmb_guard_forget_hostmem().
 *
 * 0 if the blob is in hostmem, or if the host refuses the blob: the driver's own mapping then fails
 * at once. -ENOSPC if there is no room. Any other error if the probe or the helper failed.
 */
int vmb_guard_map(struct vmb_guard *guard, struct vmb_hostmem *hostmem, const char *helper,
	const struct vmb_guarded *blob);

/* Whether this process can start a helper: maps ordinary memory. A sandbox may forbid that. */
bool vmb_guard_can_map(const struct vmb_hostmem *hostmem, const char *helper);

/*
 * Tries to wake the blocked helpers of all devices. Called after room in hostmem was freed, and
 * after each release of map_lock. Takes a few milliseconds if there is no room. If another thread
 * holds the lock, that thread or the next call wakes the helpers.
 */
void vmb_guard_wake_blocked_helpers(struct vmb_guard *guard);

/*
 * Called before a hostmem is finished. Waits for map_lock. Closes the dma-bufs of that hostmem's
 * blocked blobs: the driver is gone, and an open dma-buf would keep the blob in hostmem once a
 * helper maps it.
 */
void vmb_guard_forget_hostmem(struct vmb_guard *guard, const struct vmb_hostmem *hostmem);

/*
 * Called in the child of a fork(), before any other use: another thread of the parent may have held
 * the lock. Empties the child's list; the parent keeps its own.
 */
void vmb_guard_after_fork(struct vmb_guard *guard);

#endif
