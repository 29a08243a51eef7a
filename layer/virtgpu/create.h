/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_CREATE_H
#define VMB_VIRTGPU_CREATE_H

#include "virtgpu/call.h"
#include "virtgpu/state.h"

/* RESOURCE_CREATE_BLOB of the driver: gives the blob the hint where its mapping can be deferred.
 * Returns and sets errno as ioctl(2). Any thread. */
int vmb_virtgpu_create_blob(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_call *call,
	vmb_ioctl_fn next, int fd, unsigned long request, void *arg);

/* The bit of the call's memory type in masks of types. */
uint32_t vmb_virtgpu_type_bit(const struct vmb_virtgpu_call *call);

#endif
