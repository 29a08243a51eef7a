/* SPDX-License-Identifier: MIT */
#ifndef VMB_BENCH_SUBJECT_H
#define VMB_BENCH_SUBJECT_H

#include <stdint.h>

#include "vk.h"

/*
 * A measured device: the driver alone, or with the layer on one of its routes. Several subjects
 * exist at once, so that they can take turns. The functions come from vkGetDeviceProcAddr, as in
 * programs that avoid the loader's trampolines.
 */
struct bench_subject {
	struct vku vk;
	PFN_vkAllocateMemory AllocateMemory;
	PFN_vkFreeMemory FreeMemory;
	PFN_vkMapMemory MapMemory;
	PFN_vkUnmapMemory UnmapMemory;
	PFN_vkCreateBuffer CreateBuffer;
	PFN_vkDestroyBuffer DestroyBuffer;
	PFN_vkQueueSubmit QueueSubmit;
	PFN_vkQueueBindSparse QueueBindSparse;
	PFN_vkQueueWaitIdle QueueWaitIdle;
	PFN_vkWaitForFences WaitForFences;
	PFN_vkResetFences ResetFences;
};

/* route: the value of VMBIND_ROUTE, or NULL for a device without the layer. */
void bench_subject_init(struct bench_subject *subject, const char *route);
void bench_subject_finish(struct bench_subject *subject);

/* Values of the layer's statistics (VMBIND_STATS). */
struct bench_stats {
	uint64_t ops;
	uint64_t system_calls;
};

/* Subjects with the layer that are created from now on write statistics when finished. */
void bench_stats_begin(void);
/* The statistics of the one device finished since begin. Fails if the layer is not active. */
struct bench_stats bench_stats_end(void);

#endif
