/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PANTHOR_DEVICE_H
#define VMB_BACKEND_PANTHOR_DEVICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/trace.h"
#include "ioctl/intercept.h"

/* The first minor version of panthor 1 that has the sparse op. */
#define VMB_PANTHOR_SPARSE_MINOR 9

/* Counted from any thread. docs/statistics.md describes each. */
struct vmb_panthor_statistics {
	_Atomic uint64_t driver_ioctls; /* VM_BIND, from the driver */
	_Atomic uint64_t driver_ops; /* in them */
	_Atomic uint64_t sent_ioctls; /* VM_BIND, to the kernel, for the driver and the layer */
	_Atomic uint64_t sent_ops;
	_Atomic uint64_t sparse_ranges; /* made sparse */
	_Atomic uint64_t sparse_bytes;
};

/* The state of an intercept: one VkDevice. */
struct vmb_panthor {
	struct vmb_intercept *intercept;
	/* Of the ops that the driver and the layer send; NULL without a trace. Set before the first
	 * driver call. */
	struct vmb_trace *trace;
	/* Constant once the intercept is live. */
	vmb_ioctl_fn ioctl; /* the next function of the driver's calls */
	int fd;
	uint32_t vm;
	uint32_t minor; /* of the kernel driver's version, 1.minor */
	/* BOs whose maps stand for a range without memory: the layer's null memory, and the
	 * driver's own BO for that purpose (panvk calls it the blackhole). 0 if there is none. */
	_Atomic uint32_t null_memory;
	_Atomic uint32_t blackhole;
	/* What the layer's own sparse ranges show where the kernel has no sparse op: a BO of
	 * VMB_PANTHOR_CYCLE bytes. 0 where the kernel has the op, and before the first such
	 * range. */
	uint32_t fallback_bo;
	struct vmb_panthor_statistics statistics;
};

static inline bool vmb_panthor_has_sparse(const struct vmb_panthor *panthor)
{
	return panthor->minor >= VMB_PANTHOR_SPARSE_MINOR;
}

/* Writes the statistics as JSON members, each with a comma behind it. */
void vmb_panthor_write_figures(struct vmb_panthor *panthor, FILE *out);

#endif
