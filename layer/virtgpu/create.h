/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_CREATE_H
#define VMB_VIRTGPU_CREATE_H

#include "virtgpu/call.h"
#include "virtgpu/state.h"

/* Makes the driver's RESOURCE_CREATE_BLOB, with the hint if the blob's mapping can be deferred.
 * call is NULL outside of a driver call. Returns and sets errno as ioctl(2). Any thread. */
int vmb_virtgpu_create_blob(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_call *call,
	vmb_ioctl_fn next, int fd, unsigned long request, void *arg);

/* The bit of the call's memory type in a mask of memory types. */
uint32_t vmb_virtgpu_type_bit(const struct vmb_virtgpu_call *call);

#endif
