/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_INTERCEPT_H
#define VMB_VIRTGPU_INTERCEPT_H

#include "ioctl/intercept.h"
#include "virtgpu/file.h"
#include "virtgpu/translator.h"

/* Creates an intercept for a driver on virtio_gpu. The caller leaves ioctl and fd of the driver
 * zeroed: the intercept fills them in. 0, or a negative errno. */
int vmb_virtgpu_intercept_create(
	const struct vmb_virtgpu_driver *driver, struct vmb_intercept **out);

/* NULL until the driver's open file is known. Any thread. */
struct vmb_virtgpu *vmb_virtgpu_intercept_file(struct vmb_intercept *intercept);

/* Begins a driver call, on the caller's stack. vmb_driver_call_end(&call->base) ends it. */
void vmb_virtgpu_call_begin(
	struct vmb_virtgpu_call *call, struct vmb_intercept *intercept, bool is_allocation);

#endif
