/* SPDX-License-Identifier: MIT */
#ifndef VMB_PLAN_RESIDENCY_H
#define VMB_PLAN_RESIDENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/plan.h"

/*
 * The residency map of one resource: which ranges of it are bound, and to what. Ranges that it does
 * not list are sparse. Kept for statistics, traces and tests; no bind depends on it.
 *
 * Addresses are those of the ops applied. Not thread-safe: the owner locks. Errors are negative
 * errno values.
 */

struct vmb_run {
	uint64_t va;
	uint64_t size;
	uint64_t offset; /* into the backing */
	uint32_t backing;
};

/* private to residency.c */
struct vmb_residency_leaf;

/* private to residency.c: a leaf as its neighbours know it, so that they need not look inside */
struct vmb_residency_slot {
	uint64_t va; /* of its first run */
	size_t count; /* of its runs */
	struct vmb_residency_leaf *leaf;
};

struct vmb_residency {
	/* The fewest runs that say what is bound. */
	size_t run_count;
	/* all below is private to residency.c */
	uint64_t bound; /* bytes */
	struct vmb_residency_slot *slots; /* sorted by va */
	size_t leaf_count;
	size_t leaf_capacity;
	/* the leaf that the next apply may need */
	struct vmb_residency_leaf *spare;
};

void vmb_residency_init(struct vmb_residency *residency);
/* Frees everything and leaves an empty map; accepts a zeroed one. */
void vmb_residency_finish(struct vmb_residency *residency);

/* Makes sure that the next vmb_residency_apply() has the memory it may need. -ENOMEM. */
int vmb_residency_reserve(struct vmb_residency *residency);

/*
 * Records that an op was executed: MAP binds its range, replacing what was there; SPARSE and UNMAP
 * unbind it. Must follow a vmb_residency_reserve() of its own; cannot fail. The resource of the op
 * is ignored, and so is an op that vmb_plan_add() would not take.
 */
void vmb_residency_apply(struct vmb_residency *residency, const struct vmb_op *op);

/* Bytes bound now. Memory bound twice counts twice. */
uint64_t vmb_residency_bound(const struct vmb_residency *residency);

/* The run that holds va, or the first one above it; false if there is none. */
bool vmb_residency_next(const struct vmb_residency *residency, uint64_t va, struct vmb_run *run);

#endif
