/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_CLOEXEC */
#include "virtgpu/ensure_mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <uapi/drm.h>
#include <unistd.h>

#include "ioctl/intercept.h"
#include "virtgpu/blob.h"

/* Timeout of a helper that may be blocked, or have nothing to wait for: only the helper shows
 * which. */
#define IMPORTED_TIMEOUT_MS 800

/* The dma-buf of a blob, or a negative errno. */
static int export_dmabuf(vmb_ioctl_fn next, int fd, uint32_t handle)
{
	struct drm_prime_handle prime = { .handle = handle, .flags = O_CLOEXEC | O_RDWR };

	int ret = vmb_ioctl_retry(next, fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	return ret < 0 ? ret : prime.fd;
}

/*
 * Starts one helper for an imported blob, which may be in hostmem already, however full that is.
 * Only a helper can find out, and it is blocked if the blob is not in hostmem: this is attempted
 * once. True if nothing is left to be guarded. The driver gets EINVAL for a blob that cannot be
 * mapped. Any other error may concern the start of the helper, and proves nothing.
 */
static bool attempt_imported(struct vmb_virtgpu *virtgpu, struct vmb_guarded *guarded)
{
	int ret = virtgpu->system->run_helper(
		virtgpu->helper, guarded->dmabuf, virtgpu->hostmem.device, IMPORTED_TIMEOUT_MS);

	guarded->has_blocked_helpers = ret == -EINPROGRESS || ret == -ECHILD;
	if (guarded->has_blocked_helpers) {
		vmb_blob_set_attempted(guarded);
	}
	if (ret < 0 && ret != -EINVAL) {
		return false;
	}
	vmb_blob_set_mapped(guarded);
	close(guarded->dmabuf);
	return true;
}

/* Makes the first mapping of a deferred blob. The caller holds map_lock, so one thread does at a
 * time, and sees what another has done. */
static int map_deferred(struct vmb_virtgpu *virtgpu, vmb_ioctl_fn next, int fd, uint32_t handle)
{
	struct vmb_blob blob;

	if (!vmb_blob_find_deferred(virtgpu, handle, &blob)) {
		return 0;
	}
	struct vmb_guarded guarded = {
		.dmabuf = export_dmabuf(next, fd, handle),
		.size = blob.size,
		.mapped = vmb_blob_set_mapped,
		.owner = virtgpu,
		.handle = handle,
		.serial = blob.serial,
	};
	if (guarded.dmabuf < 0) {
		return guarded.dmabuf;
	}
	if (blob.is_imported) {
		/* Other processes, or an earlier import, may have blocked helpers on the blob. One
		 * is enough. */
		guarded.has_blocked_helpers = virtgpu->system->is_blocked_on(guarded.dmabuf);
		if (!guarded.has_blocked_helpers && !blob.was_attempted &&
			attempt_imported(virtgpu, &guarded)) {
			return 0;
		}
	}
	int ret = vmb_guard_map(virtgpu->guard, &virtgpu->hostmem, virtgpu->helper, &guarded);
	if (ret < 0 && !blob.is_imported) {
		atomic_fetch_add_explicit(&virtgpu->statistics.refused, 1, memory_order_relaxed);
	}
	return ret;
}

int vmb_virtgpu_ensure_mapped(
	struct vmb_virtgpu *virtgpu, vmb_ioctl_fn next, int fd, uint32_t handle)
{
	struct vmb_guard *guard = virtgpu->guard;
	struct vmb_blob blob;

	if (!vmb_map_find(&virtgpu->blobs, handle) ||
		!vmb_blob_find_deferred(virtgpu, handle, &blob)) {
		return 0;
	}
	pthread_mutex_lock(&guard->map_lock);
	int ret = map_deferred(virtgpu, next, fd, handle);
	pthread_mutex_unlock(&guard->map_lock);
	vmb_guard_wake_blocked_helpers(guard);
	return ret;
}
