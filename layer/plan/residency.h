/* SPDX-License-Identifier: MIT */
#ifndef VMB_PLAN_RESIDENCY_H
#define VMB_PLAN_RESIDENCY_H

#include <stddef.h>
#include <stdint.h>

#include "plan/plan.h"

/*
 * The bound ranges of one resource, to count bound bytes. Statistics and traces use the count; no
 * bind depends on it.
 *
 * Addresses are the addresses of the applied ops, in bytes. Not thread-safe: the owner locks.
 * Errors are negative errno values.
 */

struct vmb_residency_range {
	uint64_t start;
	uint64_t end;
};

/* All members are private to residency.c. */
struct vmb_residency {
	struct vmb_residency_range *ranges; /* sorted; no two touch each other */
	size_t count;
	size_t capacity;
	uint64_t bound; /* bytes */
};

void vmb_residency_init(struct vmb_residency *residency);
/* Frees all memory and empties the map. Accepts a zeroed map. */
void vmb_residency_finish(struct vmb_residency *residency);

/* Allocates the memory that the next vmb_residency_apply() may need. Returns 0 or -ENOMEM. */
int vmb_residency_reserve(struct vmb_residency *residency);

/*
 * Records an executed op: MAP binds its range, SPARSE and UNMAP unbind the range. Each call cannot
 * fail, but needs its own successful vmb_residency_reserve() first. Ignores the resource of the op,
 * and ignores an op of size 0 or an invalid op.
 */
void vmb_residency_apply(struct vmb_residency *residency, const struct vmb_op *op);

/* The number of bound bytes. Memory that is bound at two places counts twice. */
uint64_t vmb_residency_bound(const struct vmb_residency *residency);

#endif
