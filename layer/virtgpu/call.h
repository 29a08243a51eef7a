/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_CALL_H
#define VMB_VIRTGPU_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "ioctl/intercept.h"

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

#endif
