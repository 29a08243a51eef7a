/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_ENSURE_MAPPED_H
#define VMB_VIRTGPU_ENSURE_MAPPED_H

#include "virtgpu/state.h"

/*
 * Makes the first mapping of a deferred blob. Called before the driver maps or exports the blob:
 * any process that has the dma-buf can map it, and would block. A device that imports an unmapped
 * blob would get no addresses. 0, also for a blob that is not deferred; -ENOSPC if hostmem has no
 * room; any other negative errno. Any thread.
 */
int vmb_virtgpu_ensure_mapped(
	struct vmb_virtgpu *virtgpu, vmb_ioctl_fn next, int fd, uint32_t handle);

#endif
