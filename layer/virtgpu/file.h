/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_FILE_H
#define VMB_VIRTGPU_FILE_H

#include "virtgpu/state.h"

/* The process's own guard. */
extern struct vmb_guard vmb_virtgpu_guard;

/* A driver's open file and its settings. */
struct vmb_virtgpu_driver {
	vmb_ioctl_fn ioctl; /* the next function of the driver's ioctls */
	int fd; /* the driver owns it */
	enum vmb_defer request;
	/* Memory types (bit mask) that the driver is known not to map while it allocates. */
	uint32_t late_types;
	/* Gets the deferred and mapped bytes until vmb_virtgpu_put(). NULL without a trace. */
	struct vmb_trace *trace;
};

/*
 * Returns the object of an open file of virtio_gpu. If the descriptor already has an object, the
 * object gets one more user and keeps its settings; only driver->trace is added. NULL if memory is
 * short. Any thread.
 */
struct vmb_virtgpu *vmb_virtgpu_get(const struct vmb_system_ops *system, struct vmb_guard *guard,
	const struct vmb_virtgpu_driver *driver);
/* Removes a user. trace is that of vmb_virtgpu_get(). The last user's call removes all blobs. Any
 * thread. */
void vmb_virtgpu_put(struct vmb_virtgpu *virtgpu, struct vmb_trace *trace);

#endif
