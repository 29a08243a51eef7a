/* SPDX-License-Identifier: MIT */
#include "plan/residency.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * The runs lie sorted in leaves of fixed size, and the leaves in one sorted array of slots: finding
 * is two binary searches, and a change moves the runs of one leaf. Only where a leaf comes or goes
 * the slots behind it move, once in dozens of changes.
 *
 * An op takes out the runs that its range overlaps or touches, at most the first and the last of
 * which remain in part, and puts in what shall be there: at most a left remainder, the op's own run
 * and a right remainder, joined where they continue each other. Since everything that touches the
 * range was looked at, runs stay maximal.
 *
 * That is never more than two runs more than before, and if it is more then nothing is taken out of
 * a leaf. So one op splits one leaf at most, because both halves have room for more than two: one
 * spare leaf and one free slot are all that an op can need.
 *
 * Memory: two leaves that lie side by side hold more than LEAF_RUNS / 2 runs together, or one of
 * them joins the other. Splitting keeps that up, adding does no harm, and taking out checks it. So
 * there are never more than 2 * run_count / (LEAF_RUNS / 2 + 1) + 1 leaves.
 */

#define LEAF_RUNS 64

struct vmb_residency_leaf {
	struct vmb_run runs[LEAF_RUNS];
};

/*
 * A place among the runs. The place behind the last run of a leaf and the one before the first run
 * of the next leaf are the same one; find() and next_place() return the latter.
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

/* The place before; it must not be the first one. */
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
 * Both searches narrow [first, first + left] down to the first entry at va or above. They are
 * written so that compilers choose the half without a branch: of scattered addresses the processor
 * could not guess which one it will be.
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

/* The first run that starts at va or above. */
static struct place find(const struct vmb_residency *residency, uint64_t va)
{
	struct place place = { 0 };

	if (residency->leaf_count == 0) {
		return place;
	}
	place.leaf = find_leaf(residency, va);
	if (place.leaf > 0) {
		/* The first run of the leaf before starts below va, others may not. */
		const struct vmb_residency_slot *slot = &residency->slots[place.leaf - 1];
		size_t index = find_in_leaf(slot, va);
		if (index < slot->count) {
			place.leaf--;
			place.index = index;
		}
	}
	return place;
}

/* The first run that ends at va or above. */
static struct place find_touching(const struct vmb_residency *residency, uint64_t va)
{
	struct place place = find(residency, va);

	if (place.leaf > 0 || place.index > 0) {
		struct place previous = previous_place(residency, place);
		if (run_end(run_at(residency, previous)) >= va) {
			return previous;
		}
	}
	return place;
}

static void put(struct vmb_residency *residency, struct place at, const struct vmb_run *run)
{
	*run_at(residency, at) = *run;
	if (at.index == 0) {
		residency->slots[at.leaf].va = run->va;
	}
}

static void set_leaf_aside(struct vmb_residency *residency, struct vmb_residency_leaf *leaf)
{
	if (residency->spare) {
		free(leaf);
	} else {
		residency->spare = leaf;
	}
}

/* Opens a slot for a new leaf, which is empty until the caller fills it. */
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

/* Closes the slots of leaves that hold nothing that counts any more. */
static void drop_leaves(struct vmb_residency *residency, size_t from, size_t to)
{
	struct vmb_residency_slot *slots = residency->slots;

	for (size_t i = from; i < to; i++) {
		set_leaf_aside(residency, slots[i].leaf);
	}
	memmove(&slots[from], &slots[to], (residency->leaf_count - to) * sizeof(*slots));
	residency->leaf_count -= to - from;
}

/* Moves what is behind the first keep runs into a new leaf. */
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

/* The same place, or one of the same meaning, in a leaf that has room for a run. */
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
	/* Runs that come in ascending order shall fill their leaves. */
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

/* Returns the place behind the run. */
static struct place insert(
	struct vmb_residency *residency, struct place at, const struct vmb_run *run)
{
	at = make_room(residency, at);
	struct vmb_residency_slot *slot = &residency->slots[at.leaf];
	struct vmb_run *runs = slot->leaf->runs;
	memmove(&runs[at.index + 1], &runs[at.index], (slot->count - at.index) * sizeof(*runs));
	slot->count++;
	residency->run_count++;
	put(residency, at, run);
	at.index++;
	return at;
}

/* May leave the leaf empty. */
static void erase_in_leaf(struct vmb_residency *residency, size_t at, size_t from, size_t to)
{
	struct vmb_residency_slot *slot = &residency->slots[at];
	struct vmb_run *runs = slot->leaf->runs;

	memmove(&runs[from], &runs[to], (slot->count - to) * sizeof(*runs));
	slot->count -= to - from;
	residency->run_count -= to - from;
	slot->va = runs[0].va;
}

/* Moves the runs of the next leaf into this one if they are few or none. */
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

/* Joins leaves where runs were taken out of the leaf at, or of it and the next one. */
static void tidy(struct vmb_residency *residency, size_t at)
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

static void erase(struct vmb_residency *residency, struct place from, struct place to)
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
	tidy(residency, from.leaf);
}

/* Puts runs in the place of those in [from, to). */
static void replace(struct vmb_residency *residency, struct place from, struct place to,
	const struct vmb_run *runs, size_t count)
{
	size_t done = 0;

	while (done < count && place_before(from, to)) {
		put(residency, from, &runs[done++]);
		from = next_place(residency, from);
	}
	while (done < count) {
		from = insert(residency, from, &runs[done++]);
	}
	if (place_before(from, to)) {
		erase(residency, from, to);
	}
}

/* A few runs, sorted, joined where they continue each other. */
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

/* What runs[from, to) become, all of which overlap or touch the range of the op. */
static void rewrite(const struct vmb_residency *residency, struct place from, struct place to,
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
	/* Cannot overflow: a slot is much smaller than its leaf, and the leaves are in memory. */
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
	/* Mostly there is little between them: look there before searching anew. */
	struct place to = from;
	for (int i = 0; i < 3 && to.leaf < residency->leaf_count; i++) {
		if (run_at(residency, to)->va > end) {
			break;
		}
		to = next_place(residency, to);
	}
	if (to.leaf < residency->leaf_count && run_at(residency, to)->va <= end) {
		to = end == UINT64_MAX ? (struct place){ .leaf = residency->leaf_count }
				       : find(residency, end + 1);
	}
	rewrite(residency, from, to, op, &few);
	residency->bound -= bytes_between(residency, from, to);
	for (size_t i = 0; i < few.count; i++) {
		residency->bound += few.runs[i].size;
	}
	replace(residency, from, to, few.runs, few.count);
}

uint64_t vmb_residency_bound(const struct vmb_residency *residency)
{
	return residency->bound;
}

bool vmb_residency_next(const struct vmb_residency *residency, uint64_t va, struct vmb_run *run)
{
	struct place place = find_touching(residency, va);

	/* A run that ends at va does not hold it. */
	if (place.leaf < residency->leaf_count && run_end(run_at(residency, place)) <= va) {
		place = next_place(residency, place);
	}
	if (place.leaf == residency->leaf_count) {
		return false;
	}
	*run = *run_at(residency, place);
	return true;
}
