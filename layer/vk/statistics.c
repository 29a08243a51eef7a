/* SPDX-License-Identifier: MIT */
#include "vk/statistics.h"

void vmb_count_peak(_Atomic uint64_t *counter, _Atomic uint64_t *peak, uint64_t more)
{
	uint64_t now = atomic_fetch_add_explicit(counter, more, memory_order_relaxed) + more;
	uint64_t before = atomic_load_explicit(peak, memory_order_relaxed);

	while (now > before &&
		!atomic_compare_exchange_weak_explicit(
			peak, &before, now, memory_order_relaxed, memory_order_relaxed)) {
	}
}

void vmb_statistics_bound(struct vmb_statistics *statistics, uint64_t from, uint64_t to)
{
	if (to > from) {
		vmb_count_peak(&statistics->bytes_bound, &statistics->bytes_bound_peak, to - from);
	} else {
		atomic_fetch_sub_explicit(
			&statistics->bytes_bound, from - to, memory_order_relaxed);
	}
}
