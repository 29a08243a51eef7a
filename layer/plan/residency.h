/* SPDX-License-Identifier: MIT */
#ifndef VMB_PLAN_RESIDENCY_H
#define VMB_PLAN_RESIDENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/plan.h"

/*
 * The residency map of one resource: its bound ranges and their memory. All other ranges are
 * sparse. Statistics, traces and tests use the map; no bind depends on it.
 *
 * Addresses are the addresses of the applied ops, in bytes. Not thread-safe: the owner locks.
 * Errors are negative errno values.
 */

struct vmb_run {
	uint64_t va;
	uint64_t size;
	uint64_t offset; /* in the backing */
	uint32_t backing;
};

/* Private to residency.c. */
struct vmb_residency_leaf;

/* Private to residency.c. va and count allow a search without reading the leaf. */
struct vmb_residency_slot {
	uint64_t va; /* of the first run */
	size_t count; /* number of runs */
	struct vmb_residency_leaf *leaf;
};

struct vmb_residency {
	/* The number of runs. Runs are maximal: no two runs can be joined. */
	size_t run_count;
	/* The members below are private to residency.c. */
	uint64_t bound; /* bytes */
	struct vmb_residency_slot *slots; /* sorted by va */
	size_t leaf_count;
	size_t leaf_capacity;
	/* The leaf that the next vmb_residency_apply() may need, or NULL. */
	struct vmb_residency_leaf *spare;
};

void vmb_residency_init(struct vmb_residency *residency);
/* Frees all memory and empties the map. Accepts a zeroed map. */
void vmb_residency_finish(struct vmb_residency *residency);

/* Allocates the memory that the next vmb_residency_apply() may need. Returns 0 or -ENOMEM. */
int vmb_residency_reserve(struct vmb_residency *residency);

/*
 * Records an executed op: MAP replaces the binding of its range, SPARSE and UNMAP unbind the range.
 * Each call cannot fail, but needs its own successful vmb_residency_reserve() first. Ignores the
 * resource of the op, and ignores an op of size 0 or an invalid op.
 */
void vmb_residency_apply(struct vmb_residency *residency, const struct vmb_op *op);

/* The number of bound bytes. Memory that is bound twice counts twice. */
uint64_t vmb_residency_bound(const struct vmb_residency *residency);

/* Copies the run that contains va, or else the first run above va, to *run. False if there is no
 * such run. */
bool vmb_residency_next(const struct vmb_residency *residency, uint64_t va, struct vmb_run *run);

#endif
