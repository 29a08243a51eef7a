/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PANTHOR_TRANSLATOR_H
#define VMB_BACKEND_PANTHOR_TRANSLATOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/panthor/batch.h"
#include "base/trace.h"
#include "ioctl/hook.h"

/*
 * The translator for panthor: what a tap does with the ioctls of a driver on that kernel driver.
 * Addresses, sizes and offsets are in bytes; errors are negative errno values.
 */

/* The first version that has the sparse op. */
#define VMB_PANTHOR_SPARSE_MINOR 9

/* Counted from any thread. */
struct vmb_panthor_stats {
	_Atomic uint64_t driver_ioctls; /* VM_BIND, issued by the driver */
	_Atomic uint64_t driver_ops; /* in them */
	_Atomic uint64_t sent_ioctls; /* VM_BIND, that the kernel got for them and for us */
	_Atomic uint64_t sent_ops;
	_Atomic uint64_t sparse_ranges; /* made sparse */
	_Atomic uint64_t sparse_bytes;
};

/* One VkDevice's. */
struct vmb_panthor {
	/* Constant once the tap is live. */
	vmb_ioctl_fn ioctl; /* what the driver's calls go to */
	int fd;
	uint32_t vm;
	uint32_t minor; /* of the kernel driver's version, 1.minor */
	/* The BOs whose maps mean a range without memory: the layer's hole and the driver's dummy.
	 * 0 if there is none. */
	_Atomic uint32_t hole;
	_Atomic uint32_t dummy;
	/* What sparse ranges of the layer's own show where the kernel has no sparse op: a BO of
	 * VMB_PANTHOR_CYCLE bytes. Otherwise 0, and before the first of them is made. */
	uint32_t filler;
	struct vmb_trace *trace; /* the tap's */
	struct vmb_panthor_stats stats;
};

struct vmb_scope;
struct vmb_tap;

/* What is learned or held back in a scope. */
struct vmb_panthor_scope {
	/* MEMORY and RESERVE: the BO that the driver created, 0 if it did not */
	uint32_t bo;
	uint64_t bo_size; /* what the driver asked for, in whole pages */
	/* and where it mapped it, size 0 if it did not. */
	uint64_t va;
	uint64_t size;
	uint32_t map_flags;
	/* SPARSE: a range of the VM that is still to be made sparse, size 0 if there is none. */
	uint64_t held_va;
	uint64_t held_size;
};

static inline bool vmb_panthor_has_sparse(const struct vmb_panthor *panthor)
{
	return panthor->minor >= VMB_PANTHOR_SPARSE_MINOR;
}

/*
 * An ioctl of the driver on a descriptor that was the tap's just now: if it is no more, the device goes, and
 * the tap may be another's already. scope is the thread's if it is one of this tap, otherwise NULL. Returns
 * what ioctl returns, with errno.
 */
int vmb_panthor_ioctl(struct vmb_tap *tap, struct vmb_scope *scope, vmb_ioctl_fn next, int fd,
	unsigned long request, void *arg);

/* Sends what the scope holds back. */
int vmb_panthor_flush(struct vmb_panthor *panthor, struct vmb_panthor_scope *scope);

/*
 * Sends a batch of the layer's own, an empty one not at all. Ops with the flag SPARSE have bo_handle
 * 0, and become maps of the filler where the kernel has no sparse op. A batch of more than
 * VMB_PANTHOR_OPS_MAX ops takes several ioctls, and if memory is short it is tried with fewer and smaller
 * ops to each; *ioctls is how many there were. An asynchronous batch that fails has not signaled; with
 * -EIO it is or will be executed in part, with any other error nothing of it is. The batch can only be
 * finished then.
 */
int vmb_panthor_bind(
	struct vmb_panthor *panthor, struct vmb_panthor_batch *batch, bool async, uint64_t *ioctls);

#endif
