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

/* Any thread may change the counters. docs/statistics.md describes each. */
struct vmb_panthor_statistics {
	_Atomic uint64_t driver_ioctls; /* VM_BIND ioctls of the driver */
	_Atomic uint64_t driver_ops; /* ops in the driver's VM_BIND ioctls */
	_Atomic uint64_t sent_ioctls; /* VM_BIND ioctls to the kernel, for driver and layer */
	_Atomic uint64_t sent_ops; /* ops in the sent ioctls */
	_Atomic uint64_t sparse_ranges; /* sparse ops, before they are cut */
	_Atomic uint64_t sparse_bytes;
};

/* The state of an intercept, for one VkDevice. */
struct vmb_panthor {
	struct vmb_intercept *intercept;
	/* Records the ops that the driver and the layer send; NULL without a trace. Set before the
	 * first driver call. */
	struct vmb_trace *trace;
	/* Constant once the intercept is live. */
	vmb_ioctl_fn ioctl; /* the next function of the driver's ioctls */
	int fd;
	uint32_t vm;
	uint32_t minor; /* of the kernel driver's version, 1.minor */
	/* GEM handles, 0 if there is none. A map of one of these BOs means a range without memory.
	 * blackhole is the driver's own BO for this purpose, in panvk's words. */
	_Atomic uint32_t null_memory;
	_Atomic uint32_t blackhole;
	/* A BO of VMB_PANTHOR_CYCLE bytes, mapped over the layer's own sparse ranges where the
	 * kernel has no sparse op. The VM owns the BO. 0 without a VM, or if the kernel has the
	 * op. */
	uint32_t fallback_bo;
	struct vmb_panthor_statistics statistics;
};

static inline bool vmb_panthor_has_sparse(const struct vmb_panthor *panthor)
{
	return panthor->minor >= VMB_PANTHOR_SPARSE_MINOR;
}

/* Writes the statistics as JSON members, each followed by a comma. */
void vmb_panthor_write_figures(struct vmb_panthor *panthor, FILE *out);

#endif
