/* SPDX-License-Identifier: MIT */
#include "plan/residency.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A sorted array. An op replaces the ranges that it touches by one range (MAP), or by what remains
 * of the first and the last of them. A change moves the ranges behind it. That is cheap: neighbours
 * are one range, and the ops of a batch come in ascending order.
 */

#define INITIAL_CAPACITY 16

void vmb_residency_init(struct vmb_residency *residency)
{
	*residency = (struct vmb_residency){ 0 };
}

void vmb_residency_finish(struct vmb_residency *residency)
{
	free(residency->ranges);
	vmb_residency_init(residency);
}

/* An op adds at most one range: a new one, or the second half of a split one. */
int vmb_residency_reserve(struct vmb_residency *residency)
{
	size_t capacity = residency->capacity ? 2 * residency->capacity : INITIAL_CAPACITY;

	if (residency->count < residency->capacity) {
		return 0;
	}
	struct vmb_residency_range *ranges = realloc(residency->ranges, capacity * sizeof(*ranges));
	if (!ranges) {
		return -ENOMEM;
	}
	residency->ranges = ranges;
	residency->capacity = capacity;
	return 0;
}

/* The index of the first range that ends at or above an address. */
static size_t find(const struct vmb_residency *residency, uint64_t address)
{
	size_t low = 0, high = residency->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (residency->ranges[middle].end < address) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

static uint64_t bytes_of(const struct vmb_residency_range *ranges, size_t count)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++) {
		bytes += ranges[i].end - ranges[i].start;
	}
	return bytes;
}

/* Replaces count ranges from the first one by others. */
static void replace(struct vmb_residency *residency, size_t first, size_t count,
	const struct vmb_residency_range *others, size_t other_count)
{
	struct vmb_residency_range *at = &residency->ranges[first];

	residency->bound -= bytes_of(at, count);
	memmove(at + other_count, at + count, (residency->count - first - count) * sizeof(*at));
	memcpy(at, others, other_count * sizeof(*at));
	residency->bound += bytes_of(others, other_count);
	residency->count += other_count;
	residency->count -= count;
}

void vmb_residency_apply(struct vmb_residency *residency, const struct vmb_op *op)
{
	struct vmb_residency_range others[2];
	size_t other_count = 0;

	if (!op->size || !vmb_op_valid(op)) {
		return;
	}
	const uint64_t start = op->va, end = op->va + op->size;
	size_t first = find(residency, start), last = first;
	while (last < residency->count && residency->ranges[last].start <= end) {
		last++;
	}
	struct vmb_residency_range all = { start, end };
	if (first < last) {
		const struct vmb_residency_range *low = &residency->ranges[first];
		const struct vmb_residency_range *high = &residency->ranges[last - 1];
		all.start = low->start < start ? low->start : start;
		all.end = high->end > end ? high->end : end;
	}
	if (op->kind == VMB_OP_MAP) {
		others[other_count++] = all;
	} else {
		if (all.start < start) {
			others[other_count++] = (struct vmb_residency_range){ all.start, start };
		}
		if (all.end > end) {
			others[other_count++] = (struct vmb_residency_range){ end, all.end };
		}
	}
	replace(residency, first, last - first, others, other_count);
}

uint64_t vmb_residency_bound(const struct vmb_residency *residency)
{
	return residency->bound;
}
