/* SPDX-License-Identifier: MIT */
#include "virtgpu/translator.h"

#include <errno.h>
#include <linux/ioctl.h>
#include <uapi/virtgpu.h>
#include <unistd.h>

#include "ioctl/intercept.h"
#include "virtgpu/blob.h"
#include "virtgpu/create.h"
#include "virtgpu/decide.h"
#include "virtgpu/ensure_mapped.h"

static int fail(int error)
{
	errno = -error;
	return -1;
}

/* Prefers the size of the dma-buf: struct drm_virtgpu_resource_info has only 32 bits for it. */
static uint64_t imported_size(int dmabuf, const struct drm_virtgpu_resource_info *info)
{
	off_t size = lseek(dmabuf, 0, SEEK_END);

	return size > 0 ? (uint64_t)size : info->size;
}

/* Guards an imported blob: the process that created it may have deferred it, with or without the
 * layer. */
static int keep_imported_blob(struct vmb_virtgpu *virtgpu, vmb_ioctl_fn next, int fd,
	const struct drm_prime_handle *prime)
{
	struct drm_virtgpu_resource_info info = { .bo_handle = prime->handle };

	if (vmb_map_find(&virtgpu->blobs, prime->handle)) {
		return 0;
	}
	int ret = vmb_ioctl_retry(next, fd, DRM_IOCTL_VIRTGPU_RESOURCE_INFO, &info);
	if (ret < 0 || info.blob_mem != VIRTGPU_BLOB_MEM_HOST3D || !vmb_virtgpu_decide(virtgpu) ||
		virtgpu->facts.honoured != VMB_HONOURED_YES) {
		return 0;
	}
	return vmb_blob_add_imported(virtgpu, prime->handle, imported_size(prime->fd, &info));
}

static int import_blob(
	struct vmb_virtgpu *virtgpu, vmb_ioctl_fn next, int fd, unsigned long request, void *arg)
{
	const struct drm_prime_handle *prime = arg;
	int ret = next(fd, request, arg);

	if (ret < 0 || _IOC_SIZE(request) < sizeof(*prime)) {
		return ret;
	}
	/* On failure the handle stays open: the driver may have had the handle before. */
	int error = keep_imported_blob(virtgpu, next, fd, prime);
	return error < 0 ? fail(error) : ret;
}

static int ensure_mapped_in_call(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_call *call,
	vmb_ioctl_fn next, int fd, uint32_t handle)
{
	int ret = vmb_virtgpu_ensure_mapped(virtgpu, next, fd, handle);

	if (call) {
		call->was_refused |= ret < 0;
	}
	return ret;
}

static int map_blob(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_call *call, vmb_ioctl_fn next,
	int fd, unsigned long request, void *arg)
{
	const struct drm_virtgpu_map *map = arg;

	if (_IOC_SIZE(request) < sizeof(*map)) {
		return next(fd, request, arg);
	}
	if (call && call->created) {
		call->was_mapped |= map->handle == call->created;
	}
	int ret = ensure_mapped_in_call(virtgpu, call, next, fd, map->handle);
	return ret < 0 ? fail(ret) : next(fd, request, arg);
}

/* A blob needs its first mapping before it is exported (ensure_mapped.h). An imported blob is
 * exempt: its dma-buf was exported before. */
static int export_blob(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_call *call,
	vmb_ioctl_fn next, int fd, unsigned long request, void *arg)
{
	const struct drm_prime_handle *prime = arg;
	int ret = _IOC_SIZE(request) < sizeof(*prime) ||
			vmb_blob_is_imported(virtgpu, prime->handle)
		? 0
		: ensure_mapped_in_call(virtgpu, call, next, fd, prime->handle);

	return ret < 0 ? fail(ret) : next(fd, request, arg);
}

static int close_blob(
	struct vmb_virtgpu *virtgpu, vmb_ioctl_fn next, int fd, unsigned long request, void *arg)
{
	const struct drm_gem_close *closed = arg;

	if (_IOC_SIZE(request) < sizeof(*closed)) {
		return next(fd, request, arg);
	}
	/* The blob is removed before the close: afterwards another thread may get the handle. */
	vmb_blob_remove(virtgpu, closed->handle);
	int ret = next(fd, request, arg);
	int error = errno;
	/* This also holds for handles that are not in the table: their BOs may be in hostmem. */
	if (vmb_virtgpu_defers(virtgpu)) {
		vmb_hostmem_freed(&virtgpu->hostmem);
		vmb_guard_wake_blocked_helpers(virtgpu->guard);
	}
	errno = error;
	return ret;
}

static int translate(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_call *call, vmb_ioctl_fn next,
	int fd, unsigned long request, void *arg)
{
	switch (_IOC_NR(request)) {
	case _IOC_NR(DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB):
		return vmb_virtgpu_create_blob(virtgpu, call, next, fd, request, arg);
	case _IOC_NR(DRM_IOCTL_VIRTGPU_MAP):
		return map_blob(virtgpu, call, next, fd, request, arg);
	case _IOC_NR(DRM_IOCTL_PRIME_HANDLE_TO_FD):
		return export_blob(virtgpu, call, next, fd, request, arg);
	case _IOC_NR(DRM_IOCTL_PRIME_FD_TO_HANDLE):
		return import_blob(virtgpu, next, fd, request, arg);
	case _IOC_NR(DRM_IOCTL_GEM_CLOSE):
		return close_blob(virtgpu, next, fd, request, arg);
	default:
		return next(fd, request, arg);
	}
}

int vmb_virtgpu_ioctl(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_call *call, vmb_ioctl_fn next,
	int fd, unsigned long request, void *arg)
{
	/* The object may have been reused for another file after the intercept found it. */
	if (!arg || atomic_load_explicit(&virtgpu->fd, memory_order_acquire) != fd) {
		return next(fd, request, arg);
	}
	int before = errno;
	int cancelability;
	/* The translator holds locks at cancellation points. ioctl(2) is no cancellation point, so
	 * the driver does not expect cancellation here. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelability);
	int ret = translate(virtgpu, call, next, fd, request, arg);
	pthread_setcancelstate(cancelability, NULL);
	/* A successful ioctl does not change errno. */
	if (ret >= 0) {
		errno = before;
	}
	return ret;
}

void vmb_virtgpu_end(struct vmb_virtgpu *virtgpu, const struct vmb_virtgpu_call *call)
{
	/* A failed call shows nothing: the driver may have stopped before it maps the blob. */
	if (call->created && !call->has_failed) {
		atomic_fetch_or_explicit(
			call->was_mapped ? &virtgpu->early_types : &virtgpu->late_types,
			vmb_virtgpu_type_bit(call), memory_order_relaxed);
	}
}
