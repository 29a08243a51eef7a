/* SPDX-License-Identifier: MIT */
#ifndef VMB_BENCH_SUBJECT_H
#define VMB_BENCH_SUBJECT_H

#include <stdint.h>

#include "vk.h"

/*
 * A device to be measured: the driver as it is, or with the layer on one of its routes. Several of
 * them live side by side in the process, so that they can take turns. Functions are the ones that
 * vkGetDeviceProcAddr gives out, as in any program that minds what a call costs.
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

/* route: what VMBIND_ROUTE shall be; NULL: without the layer. */
void bench_subject_init(struct bench_subject *subject, const char *route);
void bench_subject_finish(struct bench_subject *subject);

/* What VMBIND_STATS says of the devices of its time. */
struct bench_stats {
	uint64_t ops;
	uint64_t system_calls;
};

/* From here on a subject with the layer writes its statistics when it is finished. */
void bench_stats_begin(void);
/* Those of the one device that was finished since; fails if the layer is not active. */
struct bench_stats bench_stats_end(void);

#endif
