/* SPDX-License-Identifier: MIT */
#include "plan/plan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * How a plan becomes minimal.
 *
 * Appending folds: whenever the last two ops of the list are neighbours they become one. Nothing
 * was added between them, so no other op can tell the difference. Hence no two ops that follow each
 * other in the list are neighbours, ever, and a list that turns out to be sorted and disjoint (the
 * usual one) is final: vmb_plan_merge() only looks at it once.
 *
 * Any other list is sorted by resource and va. If that leaves no overlaps the ops are put in that
 * order and neighbours folded. Otherwise it is swept. The sweep goes up through the addresses of
 * one resource after the other and keeps the *active* ops, those that started at or below the place
 * where it is and may reach beyond it, in a heap whose top is the one added last. In each round it
 * lets in all ops that start here, and writes out the part of the top from here to where the top
 * ends or the next op starts, whichever comes first. Then it goes there, and throws out the top for
 * as long as the top ends here. An op that ended while it was not the top stays in the heap until
 * it gets there; it does no harm below.
 *
 * That is right because between here and there no op starts and the top does not end. So the same
 * op is the one added last for the whole part, and each part belongs to whom it should. Parts come
 * out sorted and disjoint, and appending them to the new list folds neighbours.
 *
 * It terminates because each round ends at the start of an op, which the next round lets in, or at
 * the end of the top, which leaves. Each op comes and leaves once: of n ops there are at most 2n -
 * 1 parts, in O(n log n); sorting is O(n). Where nothing overlaps the heap never holds more than
 * one op.
 */

/* What is sorted in place of the op. */
struct key {
	uint64_t resource;
	uint64_t va;
	size_t index; /* of the op in the plan, that is, the order in which ops were added */
};

struct heap {
	struct key *keys;
	size_t count;
};

/* Up to here the simplest sort is the quickest one. */
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

/* Whether high begins where low ends, in every respect. */
static bool continues(const struct vmb_op *low, const struct vmb_op *high)
{
	return op_end(low) == high->va && low->resource == high->resource &&
		low->kind == high->kind &&
		(low->kind != VMB_OP_MAP ||
			(low->backing == high->backing && low->offset + low->size == high->offset));
}

/* No sum overflows: the higher end is that of a valid op. */
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
		/* Two ops with a gap between them may have become neighbours. */
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

static bool is_final(const struct vmb_plan *plan)
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

/* Sorts by one byte, keeping the order of equals. */
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
 * Sorts by byte after byte, the least significant first, leaving out bytes in which no two keys
 * differ: of the addresses of one resource these are most. Returns which of keys and scratch, both
 * of count keys, holds the sorted ones.
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

/* Returns where the sorted keys are, as above. */
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

/* See the top of this file. active has room for all of the count keys. */
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
 * Moves each op to where its key is, without other memory: along each cycle of the permutation one
 * op is held and the others move up by one. Keys are changed to say that theirs is in place.
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

/* Folds what has become neighbours in a sorted list. */
static void fold_all(struct vmb_plan *plan)
{
	size_t count = 1;

	for (size_t i = 1; i < plan->count; i++) {
		if (!vmb_op_join(&plan->ops[count - 1], &plan->ops[i])) {
			plan->ops[count++] = plan->ops[i];
		}
	}
	plan->count = count;
}

/* Hands the ops of result over to plan. */
static void adopt(struct vmb_plan *plan, struct vmb_plan *result)
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

/* keys has room for two keys of each op: half is for the sort, and then holds the active ops. */
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
		fold_all(plan);
		return 0;
	}
	struct heap active = { .keys = sorted == keys ? keys + count : keys };
	vmb_plan_init(&result);
	if (sweep(plan->ops, sorted, count, &active, &result) < 0) {
		vmb_plan_finish(&result);
		return -ENOMEM;
	}
	adopt(plan, &result);
	return 0;
}

int vmb_plan_merge(struct vmb_plan *plan)
{
	struct key few[2 * VMB_PLAN_INLINE_OPS];

	if (is_final(plan)) {
		return 0;
	}
	if (plan->count <= VMB_PLAN_INLINE_OPS) {
		return rebuild(plan, few);
	}
	/* Cannot overflow: two keys are no larger than the op, and the ops are in memory. */
	_Static_assert(2 * sizeof(struct key) <= sizeof(struct vmb_op), "keys outgrew the ops");
	struct key *keys = malloc(2 * plan->count * sizeof(*keys));
	if (!keys) {
		return -ENOMEM;
	}
	int ret = rebuild(plan, keys);
	free(keys);
	return ret;
}
