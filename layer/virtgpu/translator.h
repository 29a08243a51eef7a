/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_TRANSLATOR_H
#define VMB_VIRTGPU_TRANSLATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "ioctl/intercept.h"
#include "virtgpu/state.h"

/*
 * Handles the ioctls of a driver on virtio_gpu. A new blob gets the hint that defers its range of
 * hostmem to the first mapping. The guard makes that mapping (guard.h).
 */

/* A driver call, and the translator's notes about its ioctls. */
struct vmb_virtgpu_call {
	struct vmb_driver_call base;
	/* The call is vkAllocateMemory, of this memory type. Blobs that the driver creates in other
	 * calls are not deferred. */
	bool is_allocation;
	uint32_t memory_type;
	/* The GEM handle of the allocation's blob, 0 if there is none. was_mapped: the driver asked
	 * for the blob's mmap offset during the call. */
	uint32_t created;
	bool was_mapped;
	bool has_failed; /* the caller sets this before vmb_driver_call_end() */
	/* A first mapping failed during the call. Some drivers ignore the error. */
	bool was_refused;
};

/* Handles an ioctl of the driver. call is NULL outside of a driver call. Returns and sets errno as
 * ioctl(2). Any thread. */
int vmb_virtgpu_ioctl(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_call *call, vmb_ioctl_fn next,
	int fd, unsigned long request, void *arg);
/* Called at the end of a driver call: records whether the driver mapped the memory during it. Any
 * thread. */
void vmb_virtgpu_end(struct vmb_virtgpu *virtgpu, const struct vmb_virtgpu_call *call);

#endif
