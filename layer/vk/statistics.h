/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_STATISTICS_H
#define VMB_VK_STATISTICS_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The figures of a device that VMBIND_STATS writes. Features count them from any thread, also
 * without the setting. docs/statistics.md describes each.
 */
struct vmb_statistics {
	_Atomic uint64_t buffers; /* sparse buffers created */
	_Atomic uint64_t images; /* sparse images created */
	_Atomic uint64_t bind_calls; /* vkQueueBindSparse */
	_Atomic uint64_t batches;
	_Atomic uint64_t binds; /* ranges in the batches */
	_Atomic uint64_t map_ops; /* executed */
	_Atomic uint64_t sparse_ops;
	_Atomic uint64_t unmap_ops;
	_Atomic uint64_t bytes_bound; /* at this time */
	_Atomic uint64_t bytes_bound_peak;
};

/* Further figures, of a feature that has some of its own. The feature owns it. */
struct vmb_figures {
	struct vmb_figures *next;
	/* The kernel driver that the feature works on, for people; empty if there is none. */
	char kernel_driver[64];
	/* System calls that change mappings; 0 if the feature makes none. Optional. */
	uint64_t (*system_calls)(void *state);
	/* Writes JSON members, each with a comma behind it. Optional. */
	void (*write)(void *state, FILE *out);
	void *state;
};

static inline void vmb_count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

/* The bytes bound of one resource change from one number to another. */
void vmb_statistics_bound(struct vmb_statistics *statistics, uint64_t from, uint64_t to);

#endif
