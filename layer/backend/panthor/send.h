/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PANTHOR_SEND_H
#define VMB_BACKEND_PANTHOR_SEND_H

#include "backend/panthor/batch.h"
#include "backend/panthor/device.h"

/* Sends batches to the kernel. A batch that was sent can only be finished. Errors are negative
 * errno values. Any thread. */

/*
 * Sends a batch of the layer's own; makes no ioctl for an empty batch. A sparse op has bo_handle 0.
 * It becomes maps of the fallback BO where the kernel has no sparse op. One ioctl has at most
 * VMB_PANTHOR_OPS_MAX ops. If memory is short, the function retries with fewer and smaller ops.
 * *ioctls is the number of ioctls. An asynchronous batch that fails signals nothing. After -EIO the
 * kernel executes a part of it, after any other error none of it.
 */
int vmb_panthor_bind(
	struct vmb_panthor *panthor, struct vmb_panthor_batch *batch, bool async, uint64_t *ioctls);

/*
 * Sends a batch in place of a VM_BIND of the driver, with the VM and the flags of bind. Maps of
 * fallback_bo replace sparse ops; 0 where the kernel has the sparse op. On failure *source is the
 * index of the driver's op that failed.
 */
int vmb_panthor_send_for_driver(struct vmb_panthor *panthor, int fd,
	const struct drm_panthor_vm_bind *bind, struct vmb_panthor_batch *batch,
	uint32_t fallback_bo, uint32_t *source);

/* Writes an ioctl that began at start_ns (CLOCK_MONOTONIC) and its ops to the trace. error is 0 or
 * a negative errno; then the first failed ops were executed. */
void vmb_panthor_trace_ops(const struct vmb_panthor *panthor,
	const struct drm_panthor_vm_bind_op *ops, size_t count, uint64_t start_ns, int error,
	size_t failed);

#endif
