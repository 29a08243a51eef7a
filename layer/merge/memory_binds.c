/* SPDX-License-Identifier: MIT */
#include "merge/memory_binds.h"

#include <stdbool.h>

/* Whether the layer understands a bind, and all of the bind's sums fit into 64 bits. */
static bool is_plain(const VkSparseMemoryBind *bind)
{
	return bind->size && !bind->flags && bind->resourceOffset <= UINT64_MAX - bind->size &&
		bind->memoryOffset <= UINT64_MAX - bind->size;
}

static VkDeviceSize end_of(const VkSparseMemoryBind *bind)
{
	return bind->resourceOffset + bind->size;
}

static bool continues(const VkSparseMemoryBind *bind, const VkSparseMemoryBind *next)
{
	return end_of(bind) == next->resourceOffset && bind->memory == next->memory &&
		(!bind->memory || bind->memoryOffset + bind->size == next->memoryOffset);
}

/* The order of an array of plain binds. */
struct order {
	bool is_plain;
	bool is_sorted; /* and without overlap */
	bool joins; /* a bind continues the bind before */
};

static struct order order_of(const VkSparseMemoryBind *binds, uint32_t count)
{
	struct order order = { .is_plain = is_plain(&binds[0]), .is_sorted = true };

	for (uint32_t i = 1; i < count && order.is_plain; i++) {
		order.is_plain = is_plain(&binds[i]);
		order.is_sorted &= end_of(&binds[i - 1]) <= binds[i].resourceOffset;
		order.joins |= continues(&binds[i - 1], &binds[i]);
	}
	return order;
}

/* Appends a bind to out, or joins the bind with the last one. */
static uint32_t append(VkSparseMemoryBind *out, uint32_t count, const VkSparseMemoryBind *bind)
{
	if (count && continues(&out[count - 1], bind)) {
		out[count - 1].size += bind->size;
		return count;
	}
	out[count] = *bind;
	return count + 1;
}

static uint32_t join_sorted(
	const VkSparseMemoryBind *binds, uint32_t count, VkSparseMemoryBind *out)
{
	uint32_t joined = 0;

	for (uint32_t i = 0; i < count; i++) {
		joined = append(out, joined, &binds[i]);
	}
	return joined;
}

/* Returns 0 if binds overlap. */
static uint32_t join_unsorted(const VkSparseMemoryBind *binds, uint32_t count,
	struct vmb_sort_key *keys, VkSparseMemoryBind *out)
{
	uint32_t joined = 0;

	for (uint32_t i = 0; i < count; i++) {
		keys[i] = (struct vmb_sort_key){ binds[i].resourceOffset, i };
	}
	vmb_sort(keys, keys + count, count);
	for (uint32_t i = 0; i < count; i++) {
		const VkSparseMemoryBind *bind = &binds[keys[i].index];
		if (joined && end_of(&out[joined - 1]) > bind->resourceOffset) {
			return 0;
		}
		joined = append(out, joined, bind);
	}
	return joined;
}

uint32_t vmb_merge_memory_binds(const VkSparseMemoryBind *binds, uint32_t count,
	struct vmb_sort_key *keys, VkSparseMemoryBind *out)
{
	struct order order = order_of(binds, count);

	if (!order.is_plain) {
		return 0;
	}
	if (!order.is_sorted) {
		return join_unsorted(binds, count, keys, out);
	}
	return order.joins ? join_sorted(binds, count, out) : count;
}
