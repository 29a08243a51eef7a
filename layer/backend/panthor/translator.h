/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PANTHOR_TRANSLATOR_H
#define VMB_BACKEND_PANTHOR_TRANSLATOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/trace.h"
#include "ioctl/intercept.h"

/*
 * The translator for panthor: what happens to the ioctls of a driver on that kernel driver. Addresses, sizes and offsets
 * are in bytes; errors are negative errno values.
 */
extern const struct vmb_translator vmb_panthor_translator;

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
	/* Of the ops that the driver and the layer send; NULL without a trace. Set before the first driver call. */
	struct vmb_trace *trace;
	/* Constant once the intercept is live. */
	vmb_ioctl_fn ioctl; /* the next function of the driver's calls */
	int fd;
	uint32_t vm;
	uint32_t minor; /* of the kernel driver's version, 1.minor */
	/* BOs whose maps stand for a range without memory: the layer's null memory, and the driver's own BO for that
	 * purpose (panvk calls it the blackhole). 0 if there is none. */
	_Atomic uint32_t null_memory;
	_Atomic uint32_t blackhole;
	/* What the layer's own sparse ranges show where the kernel has no sparse op: a BO of VMB_PANTHOR_CYCLE bytes. 0
	 * where the kernel has the op, and before the first such range. */
	uint32_t fallback_bo;
	struct vmb_panthor_statistics statistics;
};

static inline bool vmb_panthor_has_sparse(const struct vmb_panthor *panthor)
{
	return panthor->minor >= VMB_PANTHOR_SPARSE_MINOR;
}

/* Writes the statistics as JSON members, each with a comma behind it. */
void vmb_panthor_write_figures(struct vmb_panthor *panthor, FILE *out);

/* What the layer calls the driver for. */
enum vmb_panthor_call_kind {
	/* vkCreateDevice: shows the descriptor and the VM. */
	VMB_PANTHOR_CALL_CREATE_DEVICE,
	/* A sparse resource is created: the maps of the blackhole are held back, and sent as one op at the end. */
	VMB_PANTHOR_CALL_CREATE_SPARSE,
	/* vkAllocateMemory: shows the BO. */
	VMB_PANTHOR_CALL_ALLOCATE,
	/* vkAllocateMemory of a reservation: takes addresses, and one page of memory. */
	VMB_PANTHOR_CALL_RESERVE,
	/* As RESERVE, to find out whether the addresses are free: nothing is mapped. */
	VMB_PANTHOR_CALL_MEASURE,
};

/* A driver call, and what it shows or holds back. */
struct vmb_panthor_call {
	struct vmb_driver_call base;
	enum vmb_panthor_call_kind kind;
	/* ALLOCATE and RESERVE: the BO that the driver created, 0 if it created none; */
	uint32_t bo;
	uint64_t bo_size; /* as the driver asked for it, in whole pages; */
	/* and its map, size 0 if there is none. */
	uint64_t va;
	uint64_t size;
	uint32_t map_flags;
	/* CREATE_SPARSE: a range that is still to be made sparse, size 0 if there is none. */
	uint64_t held_va;
	uint64_t held_size;
};

/* Ends with vmb_driver_call_end(&call->base), which sends what was held back. */
void vmb_panthor_call_begin(struct vmb_panthor_call *call, struct vmb_intercept *intercept,
	enum vmb_panthor_call_kind kind);

#endif
