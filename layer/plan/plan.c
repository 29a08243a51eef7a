/* SPDX-License-Identifier: MIT */
#include "plan/plan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * How a plan becomes minimal.
 *
 * Appending joins the last two ops of the list if they are neighbours. No op is between the two, so
 * the joined op has the same effect. Hence no two consecutive ops of a list are neighbours. A list
 * that is sorted and disjoint is minimal: vmb_plan_merge() only checks the list. This is the usual
 * case.
 *
 * For any other list, vmb_plan_merge() sorts keys of the ops by resource and va. If no ops overlap,
 * the ops are permuted into this order and neighbours are joined. Otherwise a sweep builds a new
 * list.
 *
 * The sweep visits the addresses of one resource after the other in ascending order. A heap holds
 * the *active* ops: ops that start at or below the current address and may end above it. The top of
 * the heap is the op that was added last. Each round has four steps:
 * - Push all ops that start at the current address.
 * - Find the next address: the end of the top or the start of the next op, whichever is lower.
 * - Append the part of the top between the two addresses to the new list.
 * - Go to the next address, and pop the top while the top ends there.
 *
 * An op that is not the top stays in the heap when the sweep passes its end. The op is popped when
 * it becomes the top.
 *
 * The result is correct: between the two addresses no op starts and the top does not end, so the
 * same op wins over the whole part. The parts are sorted and disjoint, and appending joins
 * neighbours.
 *
 * The sweep terminates: a round ends at the start of an op, which the next round pushes, or at the
 * end of the top, which is popped. Each op is pushed and popped once. So n ops give at most 2n - 1
 * parts in O(n log n). Sorting takes O(n).
 */

/* The sort key of an op. */
struct key {
	uint64_t resource;
	uint64_t va;
	size_t index; /* of the op in the plan: the order in which ops were added */
};

struct heap {
	struct key *keys;
	size_t count;
};

/* Insertion sort is faster than radix sort up to this many keys. */
#define INSERTION_SORT_KEYS 16

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

static bool key_before(const struct key *a, const struct key *b)
{
	return a->resource < b->resource || (a->resource == b->resource && a->va < b->va);
}

static void insertion_sort(struct key *keys, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct key key = keys[i];
		size_t at = i;

		while (at > 0 && key_before(&key, &keys[at - 1])) {
			keys[at] = keys[at - 1];
			at--;
		}
		keys[at] = key;
	}
}

/* The bits in which keys differ. */
struct differences {
	uint64_t resource;
	uint64_t va;
};

static struct differences find_differences(const struct key *keys, size_t count)
{
	struct differences found = { 0 };

	for (size_t i = 1; i < count; i++) {
		found.resource |= keys[i].resource ^ keys[0].resource;
		found.va |= keys[i].va ^ keys[0].va;
	}
	return found;
}

static unsigned digit(const struct key *key, bool of_resource, unsigned shift)
{
	return (of_resource ? key->resource : key->va) >> shift & 0xff;
}

/* A stable sort by one byte. */
static void sort_by_digit(
	const struct key *from, struct key *to, size_t count, bool of_resource, unsigned shift)
{
	size_t start[256] = { 0 };
	size_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		start[digit(&from[i], of_resource, shift)]++;
	}
	for (size_t i = 0; i < 256; i++) {
		size_t of_digit = start[i];
		start[i] = sum;
		sum += of_digit;
	}
	for (size_t i = 0; i < count; i++) {
		to[start[digit(&from[i], of_resource, shift)]++] = from[i];
	}
}

/*
 * Sorts by each byte, the least significant byte first. Skips a byte that is equal in all keys:
 * most bytes of the addresses of one resource are. keys and scratch both have room for count keys.
 * Returns the array with the sorted keys.
 */
static struct key *radix_sort(struct key *keys, struct key *scratch, size_t count)
{
	struct differences differ = find_differences(keys, count);

	for (unsigned byte = 0; byte < 16; byte++) {
		bool of_resource = byte >= 8;
		unsigned shift = byte % 8 * 8;
		if (!((of_resource ? differ.resource : differ.va) >> shift & 0xff)) {
			continue;
		}
		sort_by_digit(keys, scratch, count, of_resource, shift);
		struct key *sorted = scratch;
		scratch = keys;
		keys = sorted;
	}
	return keys;
}

/* Returns the array with the sorted keys: keys or scratch. */
static struct key *sort(struct key *keys, struct key *scratch, size_t count)
{
	if (count > INSERTION_SORT_KEYS) {
		return radix_sort(keys, scratch, count);
	}
	insertion_sort(keys, count);
	return keys;
}

static void heap_push(struct heap *heap, struct key key)
{
	size_t at = heap->count++;

	while (at > 0 && heap->keys[(at - 1) / 2].index < key.index) {
		heap->keys[at] = heap->keys[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap->keys[at] = key;
}

static void heap_pop(struct heap *heap)
{
	struct key last = heap->keys[--heap->count];
	size_t at = 0;

	for (size_t child = 1; child < heap->count; child = 2 * at + 1) {
		if (child + 1 < heap->count &&
			heap->keys[child].index < heap->keys[child + 1].index) {
			child++;
		}
		if (heap->keys[child].index < last.index) {
			break;
		}
		heap->keys[at] = heap->keys[child];
		at = child;
	}
	heap->keys[at] = last;
}

/* The part [va, end) of an op. */
static struct vmb_op part_of(const struct vmb_op *op, uint64_t va, uint64_t end)
{
	struct vmb_op part = *op;

	part.va = va;
	part.size = end - va;
	if (op->kind == VMB_OP_MAP) {
		part.offset = op->offset + (va - op->va);
	}
	return part;
}

/* The sweep; see the top of this file. active has room for count keys. */
static int sweep(const struct vmb_op *ops, const struct key *keys, size_t count,
	struct heap *active, struct vmb_plan *result)
{
	struct key here = { 0 };
	size_t next = 0;

	while (active->count > 0 || next < count) {
		if (active->count == 0) {
			here = keys[next];
		}
		while (next < count && keys[next].resource == here.resource &&
			keys[next].va == here.va) {
			heap_push(active, keys[next++]);
		}
		const struct vmb_op *top = &ops[active->keys[0].index];
		uint64_t there = op_end(top);
		if (next < count && keys[next].resource == here.resource && keys[next].va < there) {
			there = keys[next].va;
		}
		struct vmb_op part = part_of(top, here.va, there);
		if (append(result, &part) < 0) {
			return -ENOMEM;
		}
		here.va = there;
		while (active->count > 0 && op_end(&ops[active->keys[0].index]) <= there) {
			heap_pop(active);
		}
	}
	return 0;
}

static bool is_disjoint(const struct vmb_op *ops, const struct key *sorted, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (sorted[i - 1].resource == sorted[i].resource &&
			op_end(&ops[sorted[i - 1].index]) > sorted[i].va) {
			return false;
		}
	}
	return true;
}

/*
 * Moves each op to the position of its key without an allocation. In each cycle of the permutation
 * one op is held while the others move. After a move, the index of the key equals its position.
 */
static void permute(struct vmb_op *ops, struct key *sorted, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct vmb_op held = ops[i];
		size_t at = i;

		while (sorted[at].index != i) {
			size_t from = sorted[at].index;
			ops[at] = ops[from];
			sorted[at].index = at;
			at = from;
		}
		ops[at] = held;
		sorted[at].index = at;
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

/* Moves the ops of result to plan. */
static void move_ops(struct vmb_plan *plan, struct vmb_plan *result)
{
	if (result->ops == result->inline_ops) {
		memcpy(plan->ops, result->ops, result->count * sizeof(*plan->ops));
	} else {
		release_ops(plan);
		plan->ops = result->ops;
		plan->capacity = result->capacity;
	}
	plan->count = result->count;
}

/* keys has room for two keys of each op. One half holds the sorted keys, the other half is scratch
 * memory of the sort and then the heap of active ops. */
static int rebuild(struct vmb_plan *plan, struct key *keys)
{
	struct vmb_plan result;
	size_t count = plan->count;

	for (size_t i = 0; i < count; i++) {
		keys[i] = (struct key){ plan->ops[i].resource, plan->ops[i].va, i };
	}
	struct key *sorted = sort(keys, keys + count, count);
	if (is_disjoint(plan->ops, sorted, count)) {
		permute(plan->ops, sorted, count);
		join_all(plan);
		return 0;
	}
	struct heap active = { .keys = sorted == keys ? keys + count : keys };
	vmb_plan_init(&result);
	if (sweep(plan->ops, sorted, count, &active, &result) < 0) {
		vmb_plan_finish(&result);
		return -ENOMEM;
	}
	move_ops(plan, &result);
	return 0;
}

int vmb_plan_merge(struct vmb_plan *plan)
{
	struct key inline_keys[2 * VMB_PLAN_INLINE_OPS];

	if (is_minimal(plan)) {
		return 0;
	}
	if (plan->count <= VMB_PLAN_INLINE_OPS) {
		return rebuild(plan, inline_keys);
	}
	/* The size cannot overflow: two keys are no larger than an op, and all ops fit in
	 * memory. */
	_Static_assert(2 * sizeof(struct key) <= sizeof(struct vmb_op), "keys outgrew the ops");
	struct key *keys = malloc(2 * plan->count * sizeof(*keys));
	if (!keys) {
		return -ENOMEM;
	}
	int ret = rebuild(plan, keys);
	free(keys);
	return ret;
}
