/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_CLOEXEC */
#include "virtgpu/ensure_mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <uapi/drm.h>
#include <unistd.h>

#include "ioctl/intercept.h"
#include "virtgpu/blob.h"

/* Timeout of the first helper of an imported blob. If the blob is in hostmem, the helper ends at
 * once; if hostmem is full, the helper blocks. */
#define IMPORTED_TIMEOUT_MS 800

/* Returns the dma-buf of a blob, which the caller closes, or a negative errno. */
static int export_dmabuf(vmb_ioctl_fn next, int fd, uint32_t handle)
{
	struct drm_prime_handle prime = { .handle = handle, .flags = O_CLOEXEC | O_RDWR };

	int ret = vmb_ioctl_retry(next, fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	return ret < 0 ? ret : prime.fd;
}

/*
 * Starts one helper for an imported blob without a probe. The blob may be in hostmem already, and
 * then the helper succeeds even if hostmem is full. If the blob is not in hostmem, the helper may
 * block, so each blob gets one such attempt.
 *
 * True if the blob needs no further guarding: it is mapped, or the host refuses it (EINVAL) and the
 * driver's own mapping fails, too. Other errors may come from the start of the helper: false.
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

/* Makes the first mapping of a deferred blob. The caller holds map_lock: another thread may have
 * mapped the blob while this one waited for the lock. */
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
		/* One blocked helper is enough. The blob may have one of another process, or of an
		 * earlier import. */
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
