/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_TRANSLATOR_H
#define VMB_VIRTGPU_TRANSLATOR_H

#include "virtgpu/call.h"
#include "virtgpu/state.h"

/*
 * Handles the ioctls of a driver on virtio_gpu. A new blob gets the hint that defers its range of
 * hostmem to the first mapping (create.h). The guard makes that mapping (guard.h).
 */

/* Handles an ioctl of the driver. call is NULL outside of a driver call. Returns and sets errno as
 * ioctl(2). Any thread. */
int vmb_virtgpu_ioctl(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_call *call, vmb_ioctl_fn next,
	int fd, unsigned long request, void *arg);
/* Called at the end of a driver call: records whether the driver mapped the memory during it. Any
 * thread. */
void vmb_virtgpu_end(struct vmb_virtgpu *virtgpu, const struct vmb_virtgpu_call *call);

#endif
