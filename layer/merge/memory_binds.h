/* SPDX-License-Identifier: MIT */
#ifndef VMB_MERGE_MEMORY_BINDS_H
#define VMB_MERGE_MEMORY_BINDS_H

#include <vulkan/vulkan.h>

#include "plan/sort.h"

/*
 * Joins the binds of one buffer, or the opaque binds of one image. Two binds become one if the
 * second starts where the first ends, and both are NULL, or name the same memory with continuous
 * offsets. The binds may come in any order.
 *
 * out has room for count binds, keys for twice as many keys. count is not 0. Returns the number of
 * binds in out; count if nothing joins, and out then means nothing. Returns 0 if binds overlap, are
 * empty or have flags.
 */
uint32_t vmb_merge_memory_binds(const VkSparseMemoryBind *binds, uint32_t count,
	struct vmb_sort_key *keys, VkSparseMemoryBind *out);

#endif
