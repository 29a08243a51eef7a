/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_FENCE_H
#define VMB_SIM_FENCE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The kernel's dma_fence and dma_fence_chain. A chain node is one point of a timeline. The node is
 * signalled when its own fence and all points before it are signalled. The simulated kernel's lock
 * guards all fences.
 */
struct vmb_sim_fence {
	unsigned refs;
	bool signaled;
	/* The members below belong to chain nodes. context is 0 in any other fence. */
	uint64_t context; /* shared by points that were added in ascending order */
	uint64_t seqno;
	uint64_t prev_seqno;
	struct vmb_sim_fence *prev;
	struct vmb_sim_fence *contained;
};

struct vmb_sim_fence *vmb_sim_fence_create(bool signaled);
/* Takes over the caller's reference to prev, which may be NULL. Adds a reference to contained. */
struct vmb_sim_fence *vmb_sim_fence_create_chain(struct vmb_sim_fence *prev,
	struct vmb_sim_fence *contained, uint64_t seqno, uint64_t context);

struct vmb_sim_fence *vmb_sim_fence_ref(struct vmb_sim_fence *fence);
/* Accepts NULL. */
void vmb_sim_fence_unref(struct vmb_sim_fence *fence);

bool vmb_sim_fence_is_signaled(const struct vmb_sim_fence *fence);

/*
 * The fence of point seqno of a timeline, or fence itself for point 0, with a new reference. NULL
 * if the point has no fence yet.
 */
struct vmb_sim_fence *vmb_sim_fence_find(struct vmb_sim_fence *fence, uint64_t seqno);

/* The last signalled point of a timeline, or with submitted the last point that has a fence. 0 if
 * the fence is not a chain node. */
uint64_t vmb_sim_fence_query(const struct vmb_sim_fence *fence, bool submitted);

#endif
