/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_BLOB_H
#define VMB_VIRTGPU_BLOB_H

#include "virtgpu/state.h"

/*
 * The blobs of a file that take a place in hostmem, now or later. README.md shows their states. The
 * functions take blobs_lock unless they say otherwise; any thread. Errors are negative errno
 * values.
 */
struct vmb_blob {
	uint64_t size; /* bytes, in whole pages */
	uint64_t serial; /* identifies the blob; GEM handles are reused */
	bool is_deferred; /* its mapping was deferred, and is not made yet */
	/* Another process or device made it: it may be deferred, and is not counted. */
	bool is_imported;
	bool was_attempted; /* imported only: a helper was started, and did not end in time */
};

/* Adds a blob, which the table then owns. -ENOMEM. */
int vmb_blob_add(struct vmb_virtgpu *virtgpu, uint32_t handle, struct vmb_blob *blob);
/* Adds an imported blob, unless the file has the handle already. -ENOMEM. */
int vmb_blob_add_imported(struct vmb_virtgpu *virtgpu, uint32_t handle, uint64_t size);
/* Copies a blob whose mapping is still to be made; false for any other. */
bool vmb_blob_find_deferred(struct vmb_virtgpu *virtgpu, uint32_t handle, struct vmb_blob *copy);
bool vmb_blob_is_imported(struct vmb_virtgpu *virtgpu, uint32_t handle);
/* The blob is in hostmem: vmb_guarded.mapped. */
void vmb_blob_set_mapped(const struct vmb_guarded *mapped);
/* A helper was started for an imported blob, and did not end in time. */
void vmb_blob_set_attempted(const struct vmb_guarded *attempted);
void vmb_blob_remove(struct vmb_virtgpu *virtgpu, uint32_t handle);
void vmb_blobs_clear(struct vmb_virtgpu *virtgpu);

/* A trace gets the bytes deferred and mapped of the file from now on; false if memory is short. The
 * caller holds blobs_lock for both. */
bool vmb_virtgpu_watcher_add(struct vmb_virtgpu *virtgpu, struct vmb_trace *trace);
void vmb_virtgpu_watcher_remove(struct vmb_virtgpu *virtgpu, struct vmb_trace *trace);

#endif
