/* SPDX-License-Identifier: MIT */
#ifndef VMB_MERGE_SORT_H
#define VMB_MERGE_SORT_H

#include <stddef.h>
#include <stdint.h>

/* The place of a bind in its resource, and the bind's index in the application's array. */
struct vmb_merge_key {
	uint64_t key;
	uint32_t index;
};

/* Sorts by key in ascending order. Equal keys keep their order. spare has room for count keys. */
void vmb_merge_sort(struct vmb_merge_key *keys, struct vmb_merge_key *spare, size_t count);

#endif
