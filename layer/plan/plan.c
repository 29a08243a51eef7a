/* SPDX-License-Identifier: MIT */
#include "plan/plan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "plan/sort.h"

/*
 * How a plan becomes minimal.
 *
 * Appending joins the last two ops of the list if they are neighbours. No op is between the two, so
 * the joined op has the same effect. Hence no two consecutive ops of a list are neighbours. A list
 * that is sorted and disjoint is minimal: vmb_plan_merge() only checks the list. This is the usual
 * case.
 *
 * For any other list, vmb_plan_merge() sorts keys of the ops by resource and va. If no ops overlap,
 * the ops are permuted into this order and neighbours are joined.
 *
 * Otherwise the list stays in the given order, in which the later op wins. The specification
 * forbids overlaps: "Within a batch, a given range of a resource must not be bound more than once"
 * (VkBindSparseInfo).
 */

static uint64_t op_end(const struct vmb_op *op)
{
	return op->va + op->size;
}

bool vmb_op_valid(const struct vmb_op *op)
{
	return op->size <= UINT64_MAX - op->va &&
		(op->kind != VMB_OP_MAP || op->size <= UINT64_MAX - op->offset);
}

/* Whether high is the neighbour above low. */
static bool continues(const struct vmb_op *low, const struct vmb_op *high)
{
	return op_end(low) == high->va && low->resource == high->resource &&
		low->kind == high->kind &&
		(low->kind != VMB_OP_MAP ||
			(low->backing == high->backing && low->offset + low->size == high->offset));
}

/* No sum overflows: the joined op ends where a valid op ends. */
bool vmb_op_join(struct vmb_op *op, const struct vmb_op *neighbour)
{
	if (continues(neighbour, op)) {
		op->va = neighbour->va;
		op->offset = neighbour->offset;
	} else if (!continues(op, neighbour)) {
		return false;
	}
	op->size += neighbour->size;
	return true;
}

static void release_ops(struct vmb_plan *plan)
{
	if (plan->ops != plan->inline_ops) {
		free(plan->ops);
	}
}

void vmb_plan_init(struct vmb_plan *plan)
{
	plan->ops = plan->inline_ops;
	plan->count = 0;
	plan->capacity = VMB_PLAN_INLINE_OPS;
	plan->asked = 0;
}

void vmb_plan_finish(struct vmb_plan *plan)
{
	release_ops(plan);
	vmb_plan_init(plan);
}

static int set_capacity(struct vmb_plan *plan, size_t capacity)
{
	bool is_inline = plan->ops == plan->inline_ops;

	if (capacity > SIZE_MAX / sizeof(*plan->ops)) {
		return -ENOMEM;
	}
	struct vmb_op *ops = realloc(is_inline ? NULL : plan->ops, capacity * sizeof(*ops));
	if (!ops) {
		return -ENOMEM;
	}
	if (is_inline) {
		memcpy(ops, plan->inline_ops, plan->count * sizeof(*ops));
	}
	plan->ops = ops;
	plan->capacity = capacity;
	return 0;
}

static int grow(struct vmb_plan *plan)
{
	return plan->capacity > SIZE_MAX / 2 ? -ENOMEM : set_capacity(plan, plan->capacity * 2);
}

static int append(struct vmb_plan *plan, const struct vmb_op *op)
{
	if (plan->count > 0 && vmb_op_join(&plan->ops[plan->count - 1], op)) {
		/* The joined op may now be a neighbour of the op before. */
		while (plan->count > 1 &&
			vmb_op_join(&plan->ops[plan->count - 2], &plan->ops[plan->count - 1])) {
			plan->count--;
		}
		return 0;
	}
	if (plan->count == plan->capacity && grow(plan) < 0) {
		return -ENOMEM;
	}
	plan->ops[plan->count++] = *op;
	return 0;
}

int vmb_plan_reserve(struct vmb_plan *plan, size_t count)
{
	if (count <= plan->capacity - plan->count) {
		return 0;
	}
	return count > SIZE_MAX - plan->count ? -ENOMEM : set_capacity(plan, plan->count + count);
}

int vmb_plan_add(struct vmb_plan *plan, const struct vmb_op *op)
{
	struct vmb_op copy = *op;

	if (!vmb_op_valid(op)) {
		return -EINVAL;
	}
	if (op->size == 0) {
		return 0;
	}
	if (op->kind != VMB_OP_MAP) {
		copy.offset = 0;
		copy.backing = 0;
	}
	int ret = append(plan, &copy);
	if (ret == 0) {
		plan->asked++;
	}
	return ret;
}

static bool is_minimal(const struct vmb_plan *plan)
{
	for (size_t i = 1; i < plan->count; i++) {
		const struct vmb_op *low = &plan->ops[i - 1];
		const struct vmb_op *high = &plan->ops[i];

		if (low->resource > high->resource ||
			(low->resource == high->resource && op_end(low) > high->va)) {
			return false;
		}
	}
	return true;
}

static bool is_disjoint(const struct vmb_op *ops, const struct vmb_sort_key *sorted, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		const struct vmb_op *low = &ops[sorted[i - 1].index];
		const struct vmb_op *high = &ops[sorted[i].index];

		if (low->resource == high->resource && op_end(low) > high->va) {
			return false;
		}
	}
	return true;
}

/*
 * Moves each op to the position of its key without an allocation. In each cycle of the permutation
 * one op is held while the others move. After a move, the index of the key equals its position.
 */
static void permute(struct vmb_op *ops, struct vmb_sort_key *sorted, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct vmb_op held = ops[i];
		size_t at = i;

		while (sorted[at].index != i) {
			size_t from = sorted[at].index;
			ops[at] = ops[from];
			sorted[at].index = (uint32_t)at;
			at = from;
		}
		ops[at] = held;
		sorted[at].index = (uint32_t)at;
	}
}

/* Joins all neighbours in a sorted list. */
static void join_all(struct vmb_plan *plan)
{
	size_t count = 1;

	for (size_t i = 1; i < plan->count; i++) {
		if (!vmb_op_join(&plan->ops[count - 1], &plan->ops[i])) {
			plan->ops[count++] = plan->ops[i];
		}
	}
	plan->count = count;
}

/* keys has room for two keys of each op. */
static void sort_ops(struct vmb_plan *plan, struct vmb_sort_key *keys)
{
	size_t count = plan->count;

	for (size_t i = 0; i < count; i++) {
		keys[i] = (struct vmb_sort_key){ plan->ops[i].va, (uint32_t)i };
	}
	vmb_sort(keys, keys + count, count);
	for (size_t i = 0; i < count; i++) {
		keys[i].key = plan->ops[keys[i].index].resource;
	}
	vmb_sort(keys, keys + count, count);
	if (is_disjoint(plan->ops, keys, count)) {
		permute(plan->ops, keys, count);
		join_all(plan);
	}
}

int vmb_plan_merge(struct vmb_plan *plan)
{
	struct vmb_sort_key inline_keys[2 * VMB_PLAN_INLINE_OPS];

	if (is_minimal(plan)) {
		return 0;
	}
	if (plan->count <= VMB_PLAN_INLINE_OPS) {
		sort_ops(plan, inline_keys);
		return 0;
	}
	/* The size cannot overflow: two keys are no larger than an op, and all ops fit in
	 * memory. */
	_Static_assert(
		2 * sizeof(struct vmb_sort_key) <= sizeof(struct vmb_op), "keys outgrew the ops");
	struct vmb_sort_key *keys = malloc(2 * plan->count * sizeof(*keys));
	if (!keys) {
		return -ENOMEM;
	}
	sort_ops(plan, keys);
	free(keys);
	return 0;
}
