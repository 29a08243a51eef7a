/* SPDX-License-Identifier: MIT */
#include "fence.h"

#include <stdlib.h>

#include "alloc.h"

struct vmb_sim_fence *vmb_sim_fence_create(bool signaled)
{
	struct vmb_sim_fence *fence = vmb_sim_alloc(sizeof(*fence));
	fence->refs = 1;
	fence->signaled = signaled;
	return fence;
}

/* dma_fence_chain_init() */
struct vmb_sim_fence *vmb_sim_fence_create_chain(struct vmb_sim_fence *prev,
	struct vmb_sim_fence *contained, uint64_t seqno, uint64_t context)
{
	struct vmb_sim_fence *chain = vmb_sim_fence_create(false);
	bool after_chain = prev && prev->context;
	if (after_chain && seqno > prev->seqno) {
		context = prev->context;
		chain->prev_seqno = prev->seqno;
	} else if (after_chain) {
		/* The point is out of order: the timeline keeps its last seqno. */
		seqno = prev->seqno;
	}
	chain->context = context;
	chain->seqno = seqno;
	chain->prev = prev;
	chain->contained = vmb_sim_fence_ref(contained);
	return chain;
}

struct vmb_sim_fence *vmb_sim_fence_ref(struct vmb_sim_fence *fence)
{
	fence->refs++;
	return fence;
}

void vmb_sim_fence_unref(struct vmb_sim_fence *fence)
{
	/* A loop instead of recursion: a chain may be long. */
	while (fence && --fence->refs == 0) {
		struct vmb_sim_fence *prev = fence->prev;
		vmb_sim_fence_unref(fence->contained);
		free(fence);
		fence = prev;
	}
}

static bool own_is_signaled(const struct vmb_sim_fence *fence)
{
	return fence->context ? vmb_sim_fence_is_signaled(fence->contained) : fence->signaled;
}

bool vmb_sim_fence_is_signaled(const struct vmb_sim_fence *fence)
{
	for (; fence; fence = fence->prev) {
		if (!own_is_signaled(fence)) {
			return false;
		}
	}
	return true;
}

/* dma_fence_chain_walk(): removes the signalled nodes directly before this node. Returns the node
 * that is then before it. */
static struct vmb_sim_fence *walk_chain(struct vmb_sim_fence *fence)
{
	while (fence->prev && own_is_signaled(fence->prev)) {
		struct vmb_sim_fence *removed = fence->prev;
		fence->prev = removed->prev ? vmb_sim_fence_ref(removed->prev) : NULL;
		vmb_sim_fence_unref(removed);
	}
	return fence->prev;
}

/* dma_fence_chain_find_seqno() */
struct vmb_sim_fence *vmb_sim_fence_find(struct vmb_sim_fence *fence, uint64_t seqno)
{
	if (!fence) {
		return NULL;
	}
	if (!seqno) {
		return vmb_sim_fence_ref(fence);
	}
	if (!fence->context || fence->seqno < seqno) {
		return NULL;
	}
	struct vmb_sim_fence *found = fence;
	while (found && found->context == fence->context && found->prev_seqno >= seqno) {
		found = walk_chain(found);
	}
	/* Without a node left, the point is signalled. */
	return found ? vmb_sim_fence_ref(found) : vmb_sim_fence_create(true);
}

/* drm_syncobj_query_ioctl() */
uint64_t vmb_sim_fence_query(const struct vmb_sim_fence *fence, bool submitted)
{
	if (!fence || !fence->context) {
		return 0;
	}
	if (submitted) {
		return fence->seqno;
	}
	/* Find the earliest pending point: all points before it are signalled. */
	const struct vmb_sim_fence *pending = fence;
	for (const struct vmb_sim_fence *at = fence; at && at->context == fence->context;
		at = at->prev) {
		if (!own_is_signaled(at) || at == fence) {
			pending = at;
		}
	}
	return vmb_sim_fence_is_signaled(pending) ? pending->seqno : pending->prev_seqno;
}
