/* SPDX-License-Identifier: MIT */
#ifndef VMB_PLAN_PLAN_H
#define VMB_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The plan: what one bind batch asks of a VM, as the fewest ops that mean the same.
 *
 * Pure C: no Vulkan handle, no system call. All addresses, sizes and offsets are in bytes. A plan
 * belongs to one thread at a time. Errors are negative errno values.
 */

enum vmb_op_kind {
	/* [va, va + size) shows [offset, offset + size) of the backing. */
	VMB_OP_MAP,
	/* [va, va + size) stays valid but holds no memory: reads are undefined, writes are lost. */
	VMB_OP_SPARSE,
	/* [va, va + size) goes back to the VM. */
	VMB_OP_UNMAP,
};

struct vmb_op {
	uint64_t va;
	uint64_t size;
	/* Into the backing; MAP only, otherwise 0. */
	uint64_t offset;
	/* The backend's name for the memory; MAP only, otherwise 0. */
	uint32_t backing;
	/* The caller's name for the resource of the range. Ops of different resources are never
	 * merged. */
	uint64_t resource;
	enum vmb_op_kind kind;
};

/* Whether the ends of the range and of its part of the backing are still 64-bit numbers. */
bool vmb_op_valid(const struct vmb_op *op);

/* Extends an op by a neighbour: one begins where the other ends, with the same resource and kind,
 * and for MAP with the same backing, too. Both are valid. False if the two are not neighbours; the
 * op is unchanged then. */
bool vmb_op_join(struct vmb_op *op, const struct vmb_op *neighbour);

/* Batches of up to this many ops need no allocation. */
#define VMB_PLAN_INLINE_OPS 16

struct vmb_plan {
	/* inline_ops, or memory owned by the plan; no two that follow each other are neighbours */
	struct vmb_op *ops;
	size_t count;
	size_t capacity;
	/* How many ops were appended; fewer are left where neighbours became one. */
	size_t asked;
	struct vmb_op inline_ops[VMB_PLAN_INLINE_OPS];
};

/* A plan must not be moved or copied once it is initialized: ops may point into it. */
void vmb_plan_init(struct vmb_plan *plan);
/* Frees what the plan owns and empties it; accepts a zeroed plan. */
void vmb_plan_finish(struct vmb_plan *plan);

/* Makes room for so many more ops, which spares large batches the growing. -ENOMEM. */
int vmb_plan_reserve(struct vmb_plan *plan, size_t count);

/*
 * Appends an op, folding it into the last one where the two are neighbours: one begins where the
 * other ends, in the same resource, with the same kind, and for MAP in the same backing, too. Size
 * 0 is dropped. -EINVAL if va + size or offset + size overflows, -ENOMEM if the list cannot grow;
 * the plan is unchanged then.
 */
int vmb_plan_add(struct vmb_plan *plan, const struct vmb_op *op);

/*
 * Brings the plan into its final form: sorted by resource and va, without overlap (of two ops over
 * the same range the one added later wins), neighbours merged. Afterwards no two ops of a resource
 * could be one. O(n) in the number of ops if they came that way, otherwise O(n log n). -ENOMEM
 * leaves the plan as it was.
 */
int vmb_plan_merge(struct vmb_plan *plan);

#endif
