/* SPDX-License-Identifier: MIT */
#ifndef VMB_DEMO_STEPS_H
#define VMB_DEMO_STEPS_H

#include "context.h"

/*
 * The steps of the tour, in their order. A step ends the program if one of its checks fails.
 *
 * Names in quotes are sections in the chapter "Sparse Resources" of the Vulkan specification,
 * unless the comment names another chapter.
 */

/* Step 1: buffers that are larger than the machine's memory. */
void step_create_buffers(struct tour *t);

/* Step 2: bind memory to a run of pages. */
void step_allocate_memory(struct tour *t);
void step_bind(struct tour *t);
/* Step 3: replace a bind by another. */
void step_rebind(struct tour *t);
/* Step 4: bind the same memory at a second place. */
void step_alias(struct tour *t);
/* Step 5: unbind a part of the run. */
void step_unbind(struct tour *t);

/* Step 6: bind pages that are far apart in all buffers. */
void step_scatter(struct tour *t);
/* Also step 6, on a device with device addresses. */
void step_follow_addresses(struct tour *t);

/* Step 7: queue many binds and writes without waiting for them. */
void step_stream(struct tour *t);

#endif
