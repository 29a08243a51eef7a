/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_TRANSLATOR_H
#define VMB_VIRTGPU_TRANSLATOR_H

#include "virtgpu/call.h"
#include "virtgpu/state.h"

/*
 * What happens to the ioctls of a driver on virtio_gpu. A blob that would take its place in hostmem
 * when it is created gets the hint that lets it wait for its first mapping, and the guard makes
 * that first mapping (guard.h).
 */

/* An ioctl of the driver, in a driver call or outside of any (NULL). Returns and sets errno as
 * ioctl(2). Any thread. */
int vmb_virtgpu_ioctl(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_call *call, vmb_ioctl_fn next,
	int fd, unsigned long request, void *arg);
/* A driver call ends: learns from it when the driver maps memory of that type. */
void vmb_virtgpu_end(struct vmb_virtgpu *virtgpu, const struct vmb_virtgpu_call *call);

#endif
