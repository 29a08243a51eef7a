/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_INTERCEPT_H
#define VMB_VIRTGPU_INTERCEPT_H

#include "ioctl/intercept.h"
#include "virtgpu/call.h"
#include "virtgpu/file.h"

/* The intercept of a driver on virtio_gpu. The intercept learns the driver's open file, which
 * several devices may share. */
extern const struct vmb_translator vmb_virtgpu_translator;

/* Begins to intercept. The intercept fills in the driver's ioctl and fd itself. Negative errno. */
int vmb_virtgpu_intercept_create(
	const struct vmb_virtgpu_driver *driver, struct vmb_intercept **out);

/* NULL until the driver's open file is known. Any thread. */
struct vmb_virtgpu *vmb_virtgpu_intercept_file(struct vmb_intercept *intercept);

/* Ends with vmb_driver_call_end(&call->base). */
void vmb_virtgpu_call_begin(
	struct vmb_virtgpu_call *call, struct vmb_intercept *intercept, bool is_allocation);

#endif
