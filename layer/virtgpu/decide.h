/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_DECIDE_H
#define VMB_VIRTGPU_DECIDE_H

#include "virtgpu/state.h"

/* Decides once whether the blobs of a file are deferred, and fills in the file's facts. The first
 * call takes a few milliseconds: it probes hostmem and starts a helper. Any thread. */
bool vmb_virtgpu_decide(struct vmb_virtgpu *virtgpu);
/* The decision; false before the first vmb_virtgpu_decide(). Any thread. */
bool vmb_virtgpu_defers(const struct vmb_virtgpu *virtgpu);

#endif
