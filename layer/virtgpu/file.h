/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_FILE_H
#define VMB_VIRTGPU_FILE_H

#include "virtgpu/state.h"

/* The process's own guard. */
extern struct vmb_guard vmb_virtgpu_guard;

/* The settings of a driver, and the file that it works on. */
struct vmb_virtgpu_driver {
	vmb_ioctl_fn ioctl; /* the next function of its calls */
	int fd;
	enum vmb_defer request;
	/* Memory types (bit mask) that the driver is known not to map while it allocates. */
	uint32_t late_types;
	/* Gets the bytes deferred and mapped until vmb_virtgpu_put(); NULL without a trace. */
	struct vmb_trace *trace;
};

/*
 * The object of an open file, which the caller has checked to be virtio_gpu's. An existing object
 * gets one more user, and of the driver only the descriptor and the trace count. NULL if memory is
 * short. Any thread.
 */
struct vmb_virtgpu *vmb_virtgpu_get(const struct vmb_system_ops *system, struct vmb_guard *guard,
	const struct vmb_virtgpu_driver *driver);
/* With the trace of vmb_virtgpu_get(). The last user's call removes all blobs. Any thread. */
void vmb_virtgpu_put(struct vmb_virtgpu *virtgpu, struct vmb_trace *trace);

#endif
