/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PANTHOR_SEND_H
#define VMB_BACKEND_PANTHOR_SEND_H

#include "backend/panthor/batch.h"
#include "backend/panthor/device.h"

/* Sends batches to the kernel. A batch can only be finished afterwards. Errors are negative errno
 * values. Any thread. */

/*
 * Sends a batch of the layer's own; an empty one is not sent. Ops with the flag SPARSE have
 * bo_handle 0, and become maps of the fallback BO where the kernel has no sparse op. A batch of
 * more than VMB_PANTHOR_OPS_MAX ops takes several ioctls; if memory is short, fewer and smaller ops
 * are tried. *ioctls is the number of ioctls. An asynchronous batch that fails has signaled
 * nothing. With -EIO the kernel executes a part of it, with any other error none of it.
 */
int vmb_panthor_bind(
	struct vmb_panthor *panthor, struct vmb_panthor_batch *batch, bool async, uint64_t *ioctls);

/*
 * Sends a batch in place of a VM_BIND of the driver, with the VM and flags of that one. fallback_bo
 * is what sparse ops show, 0 where the kernel has the sparse op. *source is the op of the driver's
 * that failed.
 */
int vmb_panthor_send_for_driver(struct vmb_panthor *panthor, int fd,
	const struct drm_panthor_vm_bind *bind, struct vmb_panthor_batch *batch,
	uint32_t fallback_bo, uint32_t *source);

/* Writes the ops of an ioctl that began at start_ns to the trace. The ops before failed were
 * executed, all if error is 0. */
void vmb_panthor_trace_ops(const struct vmb_panthor *panthor,
	const struct drm_panthor_vm_bind_op *ops, size_t count, uint64_t start_ns, int error,
	size_t failed);

#endif
