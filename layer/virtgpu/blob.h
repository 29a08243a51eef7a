/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_BLOB_H
#define VMB_VIRTGPU_BLOB_H

#include "virtgpu/state.h"

/*
 * A blob that takes a range of hostmem, now or later. README.md shows the states. The functions
 * take blobs_lock, except where a comment says otherwise. Errors are negative errno values. Any
 * thread.
 */
struct vmb_blob {
	uint64_t size; /* bytes, in whole pages */
	uint64_t serial; /* identifies the blob; GEM handles are reused */
	bool is_deferred; /* the first mapping is not made yet */
	/* Another process or device created the blob. It may have a range already. Not counted. */
	bool is_imported;
};

/* Adds a blob, which the table then owns. -ENOMEM leaves the blob to the caller. */
int vmb_blob_add(struct vmb_virtgpu *virtgpu, uint32_t handle, struct vmb_blob *blob);
/* Adds an imported blob, unless the file has the handle already. -ENOMEM. */
int vmb_blob_add_imported(struct vmb_virtgpu *virtgpu, uint32_t handle, uint64_t size);
/* Copies the blob if it is deferred. Otherwise returns false. */
bool vmb_blob_find_deferred(struct vmb_virtgpu *virtgpu, uint32_t handle, struct vmb_blob *copy);
bool vmb_blob_is_imported(struct vmb_virtgpu *virtgpu, uint32_t handle);
/* Marks the blob as mapped, unless it was closed: vmb_guarded.mapped. */
void vmb_blob_set_mapped(const struct vmb_guarded *mapped);
/* Ignores an unknown handle. */
void vmb_blob_remove(struct vmb_virtgpu *virtgpu, uint32_t handle);
void vmb_blobs_clear(struct vmb_virtgpu *virtgpu);

/* Begins and ends to report the file's deferred and mapped bytes to a trace. The caller holds
 * blobs_lock. False if memory is short. */
bool vmb_virtgpu_watcher_add(struct vmb_virtgpu *virtgpu, struct vmb_trace *trace);
void vmb_virtgpu_watcher_remove(struct vmb_virtgpu *virtgpu, struct vmb_trace *trace);

#endif
