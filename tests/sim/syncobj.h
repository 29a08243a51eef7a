/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_SYNCOBJ_H
#define VMB_SIM_SYNCOBJ_H

#include <stdint.h>

#include "fence.h"

struct vmb_sim;

/* A syncobj. The threads that wait until a syncobj has a fence are in vmb_sim.waits. The simulated
 * kernel's lock guards all syncobjs. */
struct vmb_sim_syncobj {
	unsigned refs;
	struct vmb_sim_fence *fence; /* NULL: the syncobj has no fence */
};

struct vmb_sim_syncobj *vmb_sim_syncobj_ref(struct vmb_sim_syncobj *syncobj);
void vmb_sim_syncobj_unref(struct vmb_sim_syncobj *syncobj);

/* Replaces the fence. Adds a reference to the new fence, which may be NULL. */
void vmb_sim_syncobj_replace(
	struct vmb_sim *sim, struct vmb_sim_syncobj *syncobj, struct vmb_sim_fence *fence);
/* Adds a point with this fence to the timeline. */
void vmb_sim_syncobj_add_point(struct vmb_sim *sim, struct vmb_sim_syncobj *syncobj,
	struct vmb_sim_fence *fence, uint64_t point);

#endif
