/* SPDX-License-Identifier: MIT */
#include "vk/statistics.h"

void vmb_statistics_bound(struct vmb_statistics *statistics, uint64_t from, uint64_t to)
{
	uint64_t now = atomic_fetch_add_explicit(
			       &statistics->bytes_bound, to - from, memory_order_relaxed) +
		(to - from);
	uint64_t peak = atomic_load_explicit(&statistics->bytes_bound_peak, memory_order_relaxed);

	while (to > from && now > peak &&
		!atomic_compare_exchange_weak_explicit(&statistics->bytes_bound_peak, &peak, now,
			memory_order_relaxed, memory_order_relaxed)) {
	}
}
