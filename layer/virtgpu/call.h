/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_CALL_H
#define VMB_VIRTGPU_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "ioctl/intercept.h"

/* A driver call, and what the translator notes during it. */
struct vmb_virtgpu_call {
	struct vmb_driver_call base;
	/* vkAllocateMemory of this memory type. Blobs of other calls are mapped at once by the
	 * driver. */
	bool is_allocation;
	uint32_t memory_type;
	/* The blob that was created for the allocation, 0 if there is none; and whether the driver
	 * asked for its mmap offset before the call ended. */
	uint32_t created;
	bool was_mapped;
	bool has_failed; /* the call; set by the caller before it ends */
	/* There was no room for a mapping. Some drivers ignore that. */
	bool was_refused;
};

#endif
