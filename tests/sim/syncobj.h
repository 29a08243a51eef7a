/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_SYNCOBJ_H
#define VMB_SIM_SYNCOBJ_H

#include <stdint.h>

#include "fence.h"

struct vmb_sim;

/* A syncobj; those who wait for it to get a fence are in vmb_sim.waits. The simulated kernel's lock
 * guards it. */
struct vmb_sim_syncobj {
	unsigned refs;
	struct vmb_sim_fence *fence; /* NULL: none */
};

struct vmb_sim_syncobj *vmb_sim_syncobj_ref(struct vmb_sim_syncobj *syncobj);
void vmb_sim_syncobj_unref(struct vmb_sim_syncobj *syncobj);

/* Takes a reference to the fence, which may be NULL. */
void vmb_sim_syncobj_replace(
	struct vmb_sim *sim, struct vmb_sim_syncobj *syncobj, struct vmb_sim_fence *fence);
/* Makes the fence that of a point of a timeline. */
void vmb_sim_syncobj_add_point(struct vmb_sim *sim, struct vmb_sim_syncobj *syncobj,
	struct vmb_sim_fence *fence, uint64_t point);

#endif
