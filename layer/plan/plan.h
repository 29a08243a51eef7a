/* SPDX-License-Identifier: MIT */
#ifndef VMB_PLAN_PLAN_H
#define VMB_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The plan: the ops that have the effect of one bind batch on a VM, as few as possible.
 *
 * Pure C: no Vulkan handle, no system call. All addresses, sizes and offsets are in bytes. One
 * thread at a time may use a plan. Errors are negative errno values.
 */

enum vmb_op_kind {
	/* Maps [offset, offset + size) of the backing at [va, va + size). */
	VMB_OP_MAP,
	/* Keeps [va, va + size) valid without memory: reads are undefined, writes are discarded. */
	VMB_OP_SPARSE,
	/* Returns [va, va + size) to the VM. */
	VMB_OP_UNMAP,
};

struct vmb_op {
	uint64_t va;
	uint64_t size;
	/* Offset in the backing; MAP only, otherwise 0. */
	uint64_t offset;
	/* The backend's id of the memory; MAP only, otherwise 0. */
	uint32_t backing;
	/* The caller's id of the resource. Ops of different resources are never joined. */
	uint64_t resource;
	enum vmb_op_kind kind;
};

/* False if va + size, or offset + size of a MAP, exceeds 64 bits. */
bool vmb_op_valid(const struct vmb_op *op);

/*
 * Extends an op by its neighbour. Two ops are neighbours if one starts where the other ends, in the
 * same resource, with the same kind, and for MAP also in the same backing. Both ops must be valid.
 * Returns false and leaves the op unchanged if the two are not neighbours.
 */
bool vmb_op_join(struct vmb_op *op, const struct vmb_op *neighbour);

/* A plan of up to this many ops needs no allocation. */
#define VMB_PLAN_INLINE_OPS 16

struct vmb_plan {
	/* inline_ops, or memory that the plan owns. No two consecutive ops are neighbours. */
	struct vmb_op *ops;
	size_t count;
	size_t capacity;
	/* The number of ops that the caller added. count differs after ops are joined or cut. */
	size_t asked;
	struct vmb_op inline_ops[VMB_PLAN_INLINE_OPS];
};

/* An initialized plan must not be moved or copied: ops may point to inline_ops. */
void vmb_plan_init(struct vmb_plan *plan);
/* Frees the plan's memory and empties the plan. Accepts a zeroed plan. */
void vmb_plan_finish(struct vmb_plan *plan);

/* Allocates room for this many more ops, so that a large batch grows only once. 0 or -ENOMEM. */
int vmb_plan_reserve(struct vmb_plan *plan, size_t count);

/*
 * Appends an op, or joins it with the last op if the two are neighbours. Ignores an op of size 0.
 * Returns -EINVAL if the op is not valid and -ENOMEM if the list cannot grow. An error leaves the
 * plan unchanged.
 */
int vmb_plan_add(struct vmb_plan *plan, const struct vmb_op *op);

/*
 * Makes the plan minimal: sorted by resource and va, all neighbours joined. If ops overlap, the
 * plan keeps the given order, in which the later op wins. Takes O(n) for n ops. Returns 0 or
 * -ENOMEM. An error leaves the plan unchanged.
 */
int vmb_plan_merge(struct vmb_plan *plan);

#endif
