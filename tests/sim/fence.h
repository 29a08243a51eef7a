/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_FENCE_H
#define VMB_SIM_FENCE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The kernel's dma_fence and dma_fence_chain. A chain node is one point of a timeline: it is
 * signalled when its own fence and all points before it are. The simulated kernel's lock guards all
 * of them.
 */
struct vmb_sim_fence {
	unsigned refs;
	bool signaled;
	/* all below only of a chain node; of any other, context is 0 */
	uint64_t context; /* the same for points that follow one another in order */
	uint64_t seqno;
	uint64_t prev_seqno;
	struct vmb_sim_fence *prev;
	struct vmb_sim_fence *contained;
};

struct vmb_sim_fence *vmb_sim_fence_create(bool signaled);
/* Takes over the reference to prev, which may be NULL; takes one to contained. */
struct vmb_sim_fence *vmb_sim_fence_create_chain(struct vmb_sim_fence *prev,
	struct vmb_sim_fence *contained, uint64_t seqno, uint64_t context);

struct vmb_sim_fence *vmb_sim_fence_ref(struct vmb_sim_fence *fence);
/* Accepts NULL. */
void vmb_sim_fence_unref(struct vmb_sim_fence *fence);

bool vmb_sim_fence_is_signaled(const struct vmb_sim_fence *fence);

/*
 * The fence that stands for point seqno of a timeline, with a reference; for point 0, fence itself.
 * NULL if there is none yet.
 */
struct vmb_sim_fence *vmb_sim_fence_find(struct vmb_sim_fence *fence, uint64_t seqno);

/* The last point reached, or, with submitted, the last one that has a fence. 0 if no chain. */
uint64_t vmb_sim_fence_query(const struct vmb_sim_fence *fence, bool submitted);

#endif
