/* SPDX-License-Identifier: MIT */
#ifndef VMB_OBSERVE_STATISTICS_H
#define VMB_OBSERVE_STATISTICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "plan/plan.h"

struct vmb_device;

/* What VMBIND_STATS writes of a device; counted always, from any thread. */
struct vmb_stats {
	_Atomic uint64_t buffers; /* sparse ones created */
	_Atomic uint64_t images;
	_Atomic uint64_t bind_calls; /* vkQueueBindSparse */
	_Atomic uint64_t batches;
	_Atomic uint64_t binds; /* ranges asked for in them */
	_Atomic uint64_t map_ops; /* executed */
	_Atomic uint64_t sparse_ops;
	_Atomic uint64_t unmap_ops;
	_Atomic uint64_t bytes_bound; /* at this time */
	_Atomic uint64_t bytes_bound_peak;
};

static inline void vmb_count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

/* Ops that were executed. */
void vmb_stats_ops(struct vmb_stats *stats, const struct vmb_op *ops, size_t count);
/* The residency of one resource went from so many bytes to so many. */
void vmb_stats_bound(struct vmb_stats *stats, uint64_t from, uint64_t to);

/* Appends the device's JSON object, one line, to where the settings say. */
void vmb_stats_write(struct vmb_device *device);

#endif
