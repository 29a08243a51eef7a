/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_ENSURE_MAPPED_H
#define VMB_VIRTGPU_ENSURE_MAPPED_H

#include "virtgpu/state.h"

/*
 * Makes the first mapping of a blob, if that is still to be made: before the driver maps the blob,
 * or exports it. Any process that has the dma-buf can map it, and a device that imports it would
 * get no addresses. -ENOSPC if hostmem has no room; negative errno. Any thread.
 */
int vmb_virtgpu_ensure_mapped(
	struct vmb_virtgpu *virtgpu, vmb_ioctl_fn next, int fd, uint32_t handle);

#endif
