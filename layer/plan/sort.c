/* SPDX-License-Identifier: MIT */
#include "plan/sort.h"

#include <string.h>

#define DIGITS 256

/* Insertion sort is faster up to this many keys. */
#define FEW_KEYS 16

static void insertion_sort(struct vmb_sort_key *keys, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct vmb_sort_key key = keys[i];
		size_t at = i;

		while (at > 0 && key.key < keys[at - 1].key) {
			keys[at] = keys[at - 1];
			at--;
		}
		keys[at] = key;
	}
}

/* Sorts by one byte of the key. */
static void sort_by_byte(
	const struct vmb_sort_key *from, struct vmb_sort_key *to, size_t count, unsigned shift)
{
	size_t starts[DIGITS] = { 0 };
	size_t start = 0;

	for (size_t i = 0; i < count; i++) {
		starts[from[i].key >> shift & (DIGITS - 1)]++;
	}
	for (size_t i = 0; i < DIGITS; i++) {
		size_t in_digit = starts[i];
		starts[i] = start;
		start += in_digit;
	}
	for (size_t i = 0; i < count; i++) {
		to[starts[from[i].key >> shift & (DIGITS - 1)]++] = from[i];
	}
}

void vmb_sort(struct vmb_sort_key *keys, struct vmb_sort_key *spare, size_t count)
{
	struct vmb_sort_key *from = keys;
	struct vmb_sort_key *to = spare;
	uint64_t differing = 0;

	if (count <= FEW_KEYS) {
		insertion_sort(keys, count);
		return;
	}
	for (size_t i = 1; i < count; i++) {
		differing |= keys[i].key ^ keys[0].key;
	}
	/* Most bytes are the same in all keys. */
	for (unsigned shift = 0; shift < 64; shift += 8) {
		if (differing >> shift & (DIGITS - 1)) {
			sort_by_byte(from, to, count, shift);
			struct vmb_sort_key *sorted = to;
			to = from;
			from = sorted;
		}
	}
	if (from != keys) {
		memcpy(keys, from, count * sizeof(*keys));
	}
}
