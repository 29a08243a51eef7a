/* SPDX-License-Identifier: MIT */
#include "plan/residency.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * The runs are sorted in leaves of fixed size, and the leaves are in one sorted array of slots. A
 * look-up is two binary searches. A change moves the runs of one leaf. Only adding or removing a
 * leaf moves the slots behind it, which happens once in dozens of changes.
 *
 * An op removes the runs that its range overlaps or touches, and inserts up to three runs: the left
 * remainder of the first removed run, the op's own run, and the right remainder of the last removed
 * run. Runs that continue each other are joined. The op examines every run that touches its range,
 * so runs stay maximal.
 *
 * An op adds at most two runs to the map, and erases no run if the number of runs grows. So an op
 * splits at most one leaf: both halves have room for two more runs. An op needs at most one spare
 * leaf and one free slot.
 *
 * Memory: two neighbouring leaves hold more than LEAF_RUNS / 2 runs together. Splitting and
 * inserting preserve this bound, and erasing joins leaves to restore it. So the map has at most
 * 2 * run_count / (LEAF_RUNS / 2 + 1) + 1 leaves.
 */

#define LEAF_RUNS 64

struct vmb_residency_leaf {
	struct vmb_run runs[LEAF_RUNS];
};

/*
 * The position of a run. The place behind the last run of a leaf equals the place of the first run
 * of the next leaf. find_run() and next_place() return the latter.
 */
struct place {
	size_t leaf;
	size_t index;
};

static uint64_t run_end(const struct vmb_run *run)
{
	return run->va + run->size;
}

static struct vmb_run *run_at(const struct vmb_residency *residency, struct place place)
{
	return &residency->slots[place.leaf].leaf->runs[place.index];
}

static bool place_before(struct place a, struct place b)
{
	return a.leaf < b.leaf || (a.leaf == b.leaf && a.index < b.index);
}

static struct place next_place(const struct vmb_residency *residency, struct place place)
{
	if (++place.index >= residency->slots[place.leaf].count) {
		place.leaf++;
		place.index = 0;
	}
	return place;
}

/* place must not be the first place. */
static struct place previous_place(const struct vmb_residency *residency, struct place place)
{
	if (place.index == 0) {
		place.leaf--;
		place.index = residency->slots[place.leaf].count;
	}
	place.index--;
	return place;
}

/*
 * find_leaf() and find_in_leaf() narrow [first, first + left] down to the first entry at or above
 * va. Compilers select the half without a branch, which the processor could not predict for
 * scattered addresses.
 */
static size_t find_leaf(const struct vmb_residency *residency, uint64_t va)
{
	const struct vmb_residency_slot *first = residency->slots;

	for (size_t left = residency->leaf_count; left > 0;) {
		size_t half = (left + 1) / 2;
		const struct vmb_residency_slot *upper = first + half;
		first = upper[-1].va < va ? upper : first;
		left -= half;
	}
	return (size_t)(first - residency->slots);
}

static size_t find_in_leaf(const struct vmb_residency_slot *slot, uint64_t va)
{
	const struct vmb_run *first = slot->leaf->runs;

	for (size_t left = slot->count; left > 0;) {
		size_t half = (left + 1) / 2;
		const struct vmb_run *upper = first + half;
		first = upper[-1].va < va ? upper : first;
		left -= half;
	}
	return (size_t)(first - slot->leaf->runs);
}

/* The first run that starts at or above va. */
static struct place find_run(const struct vmb_residency *residency, uint64_t va)
{
	struct place place = { 0 };

	if (residency->leaf_count == 0) {
		return place;
	}
	place.leaf = find_leaf(residency, va);
	if (place.leaf > 0) {
		/* The first run of the previous leaf starts below va. Its other runs may not. */
		const struct vmb_residency_slot *slot = &residency->slots[place.leaf - 1];
		size_t index = find_in_leaf(slot, va);
		if (index < slot->count) {
			place.leaf--;
			place.index = index;
		}
	}
	return place;
}

/* The first run that ends at or above va. */
static struct place find_touching(const struct vmb_residency *residency, uint64_t va)
{
	struct place place = find_run(residency, va);

	if (place.leaf > 0 || place.index > 0) {
		struct place previous = previous_place(residency, place);
		if (run_end(run_at(residency, previous)) >= va) {
			return previous;
		}
	}
	return place;
}

static void set_run(struct vmb_residency *residency, struct place at, const struct vmb_run *run)
{
	*run_at(residency, at) = *run;
	if (at.index == 0) {
		residency->slots[at.leaf].va = run->va;
	}
}

static void release_leaf(struct vmb_residency *residency, struct vmb_residency_leaf *leaf)
{
	if (residency->spare) {
		free(leaf);
	} else {
		residency->spare = leaf;
	}
}

/* Inserts a slot with an empty leaf. The caller fills the leaf. */
static struct vmb_residency_slot *add_leaf(struct vmb_residency *residency, size_t at)
{
	struct vmb_residency_slot *slot = &residency->slots[at];

	assert(residency->spare && residency->leaf_count < residency->leaf_capacity);
	memmove(slot + 1, slot, (residency->leaf_count - at) * sizeof(*slot));
	*slot = (struct vmb_residency_slot){ .leaf = residency->spare };
	residency->spare = NULL;
	residency->leaf_count++;
	return slot;
}

/* Removes the leaves [from, to). Does not change run_count. */
static void drop_leaves(struct vmb_residency *residency, size_t from, size_t to)
{
	struct vmb_residency_slot *slots = residency->slots;

	for (size_t i = from; i < to; i++) {
		release_leaf(residency, slots[i].leaf);
	}
	memmove(&slots[from], &slots[to], (residency->leaf_count - to) * sizeof(*slots));
	residency->leaf_count -= to - from;
}

/* Moves the runs behind the first keep runs into a new leaf. */
static void split_leaf(struct vmb_residency *residency, size_t at, size_t keep)
{
	struct vmb_residency_slot *upper = add_leaf(residency, at + 1);
	struct vmb_residency_slot *lower = upper - 1;

	upper->count = lower->count - keep;
	memcpy(upper->leaf->runs, &lower->leaf->runs[keep],
		upper->count * sizeof(lower->leaf->runs[0]));
	upper->va = upper->leaf->runs[0].va;
	lower->count = keep;
}

/* Returns the same place, in a leaf that has room for one more run. */
static struct place make_room(struct vmb_residency *residency, struct place at)
{
	const struct vmb_residency_slot *slots = residency->slots;

	if (residency->leaf_count == 0) {
		add_leaf(residency, 0);
		return at;
	}
	if (at.index == 0 && at.leaf > 0 &&
		(at.leaf == residency->leaf_count || slots[at.leaf - 1].count < LEAF_RUNS)) {
		at.leaf--;
		at.index = slots[at.leaf].count;
	}
	if (slots[at.leaf].count < LEAF_RUNS) {
		return at;
	}
	/* At the end, add a leaf instead of a split: runs in ascending order then fill leaves. */
	if (at.index == LEAF_RUNS && at.leaf + 1 == residency->leaf_count) {
		add_leaf(residency, residency->leaf_count);
		return (struct place){ .leaf = at.leaf + 1 };
	}
	split_leaf(residency, at.leaf, LEAF_RUNS / 2);
	if (at.index > LEAF_RUNS / 2) {
		at.leaf++;
		at.index -= LEAF_RUNS / 2;
	}
	return at;
}

/* Inserts a run and returns the place behind it. */
static struct place insert_run(
	struct vmb_residency *residency, struct place at, const struct vmb_run *run)
{
	at = make_room(residency, at);
	struct vmb_residency_slot *slot = &residency->slots[at.leaf];
	struct vmb_run *runs = slot->leaf->runs;
	memmove(&runs[at.index + 1], &runs[at.index], (slot->count - at.index) * sizeof(*runs));
	slot->count++;
	residency->run_count++;
	set_run(residency, at, run);
	at.index++;
	return at;
}

/* Erases runs [from, to) of a leaf. The leaf may become empty. */
static void erase_in_leaf(struct vmb_residency *residency, size_t at, size_t from, size_t to)
{
	struct vmb_residency_slot *slot = &residency->slots[at];
	struct vmb_run *runs = slot->leaf->runs;

	memmove(&runs[from], &runs[to], (slot->count - to) * sizeof(*runs));
	slot->count -= to - from;
	residency->run_count -= to - from;
	slot->va = runs[0].va;
}

/* Moves the runs of the next leaf into this leaf if both together are at most half full, or if one
 * of the two is empty. */
static void join_next_leaf(struct vmb_residency *residency, size_t at)
{
	struct vmb_residency_slot *lower = &residency->slots[at];
	struct vmb_residency_slot *upper = lower + 1;

	if (lower->count > 0 && upper->count > 0 && lower->count + upper->count > LEAF_RUNS / 2) {
		return;
	}
	memcpy(&lower->leaf->runs[lower->count], upper->leaf->runs,
		upper->count * sizeof(upper->leaf->runs[0]));
	lower->count += upper->count;
	lower->va = lower->leaf->runs[0].va;
	drop_leaves(residency, at + 1, at + 2);
}

/* Joins leaves after runs were erased from leaf at, or from leaf at and the next one. */
static void join_leaves(struct vmb_residency *residency, size_t at)
{
	for (size_t upper = at + 3; upper-- > at;) {
		if (upper > 0 && upper < residency->leaf_count) {
			join_next_leaf(residency, upper - 1);
		}
	}
	if (residency->leaf_count == 1 && residency->slots[0].count == 0) {
		drop_leaves(residency, 0, 1);
	}
}

static void erase_runs(struct vmb_residency *residency, struct place from, struct place to)
{
	struct vmb_residency_slot *slots = residency->slots;

	if (from.leaf == to.leaf) {
		erase_in_leaf(residency, from.leaf, from.index, to.index);
	} else {
		erase_in_leaf(residency, from.leaf, from.index, slots[from.leaf].count);
		for (size_t i = from.leaf + 1; i < to.leaf; i++) {
			residency->run_count -= slots[i].count;
		}
		if (to.index > 0) {
			erase_in_leaf(residency, to.leaf, 0, to.index);
		}
		drop_leaves(residency, from.leaf + 1, to.leaf);
	}
	join_leaves(residency, from.leaf);
}

/* Replaces the runs in [from, to). */
static void replace_runs(struct vmb_residency *residency, struct place from, struct place to,
	const struct vmb_run *runs, size_t count)
{
	size_t done = 0;

	while (done < count && place_before(from, to)) {
		set_run(residency, from, &runs[done++]);
		from = next_place(residency, from);
	}
	while (done < count) {
		from = insert_run(residency, from, &runs[done++]);
	}
	if (place_before(from, to)) {
		erase_runs(residency, from, to);
	}
}

/* The runs that replace the removed runs: sorted and maximal. */
struct few_runs {
	struct vmb_run runs[3];
	size_t count;
};

static void add_run(struct few_runs *few, const struct vmb_run *run)
{
	if (few->count > 0) {
		struct vmb_run *last = &few->runs[few->count - 1];
		if (run_end(last) == run->va && last->backing == run->backing &&
			last->offset + last->size == run->offset) {
			last->size += run->size;
			return;
		}
	}
	few->runs[few->count++] = *run;
}

/* Computes the runs that replace those in [from, to). All of these overlap or touch the op's
 * range. */
static void compute_runs(const struct vmb_residency *residency, struct place from, struct place to,
	const struct vmb_op *op, struct few_runs *few)
{
	uint64_t end = op->va + op->size;
	const struct vmb_run own = {
		.va = op->va,
		.size = op->size,
		.offset = op->offset,
		.backing = op->backing,
	};
	bool any = place_before(from, to);

	if (any && run_at(residency, from)->va < op->va) {
		struct vmb_run left = *run_at(residency, from);
		if (run_end(&left) > op->va) {
			left.size = op->va - left.va;
		}
		add_run(few, &left);
	}
	if (op->kind == VMB_OP_MAP) {
		add_run(few, &own);
	}
	if (any && run_end(run_at(residency, previous_place(residency, to))) > end) {
		struct vmb_run right = *run_at(residency, previous_place(residency, to));
		if (right.va < end) {
			right.offset += end - right.va;
			right.size -= end - right.va;
			right.va = end;
		}
		add_run(few, &right);
	}
}

static uint64_t bytes_between(
	const struct vmb_residency *residency, struct place from, struct place to)
{
	uint64_t bytes = 0;

	for (; place_before(from, to); from = next_place(residency, from)) {
		bytes += run_at(residency, from)->size;
	}
	return bytes;
}

void vmb_residency_init(struct vmb_residency *residency)
{
	*residency = (struct vmb_residency){ 0 };
}

void vmb_residency_finish(struct vmb_residency *residency)
{
	for (size_t i = 0; i < residency->leaf_count; i++) {
		free(residency->slots[i].leaf);
	}
	free(residency->slots);
	free(residency->spare);
	vmb_residency_init(residency);
}

int vmb_residency_reserve(struct vmb_residency *residency)
{
	if (!residency->spare) {
		residency->spare = malloc(sizeof(*residency->spare));
		if (!residency->spare) {
			return -ENOMEM;
		}
	}
	if (residency->leaf_count < residency->leaf_capacity) {
		return 0;
	}
	/* The size cannot overflow: a slot is smaller than its leaf, and all leaves fit in
	 * memory. */
	size_t capacity = residency->leaf_capacity ? residency->leaf_capacity * 2 : 4;
	struct vmb_residency_slot *slots = realloc(
		residency->slots, capacity * sizeof(*residency->slots));
	if (!slots) {
		return -ENOMEM;
	}
	residency->slots = slots;
	residency->leaf_capacity = capacity;
	return 0;
}

void vmb_residency_apply(struct vmb_residency *residency, const struct vmb_op *op)
{
	struct few_runs few = { .count = 0 };

	if (op->size == 0 || !vmb_op_valid(op)) {
		return;
	}
	uint64_t end = op->va + op->size;
	struct place from = find_touching(residency, op->va);
	/* Usually the op touches few runs: check three runs before a binary search. */
	struct place to = from;
	for (int i = 0; i < 3 && to.leaf < residency->leaf_count; i++) {
		if (run_at(residency, to)->va > end) {
			break;
		}
		to = next_place(residency, to);
	}
	if (to.leaf < residency->leaf_count && run_at(residency, to)->va <= end) {
		to = end == UINT64_MAX ? (struct place){ .leaf = residency->leaf_count }
				       : find_run(residency, end + 1);
	}
	compute_runs(residency, from, to, op, &few);
	residency->bound -= bytes_between(residency, from, to);
	for (size_t i = 0; i < few.count; i++) {
		residency->bound += few.runs[i].size;
	}
	replace_runs(residency, from, to, few.runs, few.count);
}

uint64_t vmb_residency_bound(const struct vmb_residency *residency)
{
	return residency->bound;
}

bool vmb_residency_next(const struct vmb_residency *residency, uint64_t va, struct vmb_run *run)
{
	struct place place = find_touching(residency, va);

	/* A run that ends at va does not contain va. */
	if (place.leaf < residency->leaf_count && run_end(run_at(residency, place)) <= va) {
		place = next_place(residency, place);
	}
	if (place.leaf == residency->leaf_count) {
		return false;
	}
	*run = *run_at(residency, place);
	return true;
}
