/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_STATISTICS_H
#define VMB_VK_STATISTICS_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The figures of a device for VMBIND_STATS. Features update them from any thread. Without
 * VMBIND_STATS some figures stay 0. docs/statistics.md describes each figure.
 */
struct vmb_statistics {
	_Atomic uint64_t buffers; /* sparse buffers created */
	_Atomic uint64_t images; /* sparse images created */
	_Atomic uint64_t bind_calls; /* calls of vkQueueBindSparse */
	_Atomic uint64_t batches; /* VkBindSparseInfo in the calls */
	_Atomic uint64_t binds; /* ranges in the batches */
	_Atomic uint64_t map_ops; /* executed */
	_Atomic uint64_t sparse_ops;
	_Atomic uint64_t unmap_ops;
	_Atomic uint64_t bytes_bound; /* now */
	_Atomic uint64_t bytes_bound_peak;
};

/* Further figures of one feature. The feature owns the object. */
struct vmb_figures {
	struct vmb_figures *next;
	/* The name of the kernel driver below the feature, for users; empty without one. */
	char kernel_driver[64];
	/* The number of system calls that changed mappings. Optional. */
	uint64_t (*system_calls)(void *state);
	/* Writes JSON members, each followed by a comma. Optional. */
	void (*write)(void *state, FILE *out);
	void *state;
};

static inline void vmb_count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

/* Adds to a counter, and raises its peak. */
void vmb_count_peak(_Atomic uint64_t *counter, _Atomic uint64_t *peak, uint64_t more);

/* Records that the bound bytes of one resource changed from one number to another. */
void vmb_statistics_bound(struct vmb_statistics *statistics, uint64_t from, uint64_t to);

#endif
