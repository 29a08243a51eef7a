/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_CLOEXEC */
#include "virtgpu/translator.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <stdlib.h>
#include <string.h>
#include <uapi/virtgpu.h>
#include <unistd.h>

#include "ioctl/intercept.h"
#include "virtgpu/blob.h"
#include "virtgpu/decide.h"

static int fail(int error)
{
	errno = -error;
	return -1;
}

/* Adds a new blob to the table, which then owns it. If a deferred blob cannot be added, closes the
 * blob and fails: the guard must know every deferred blob. */
static int keep_blob(struct vmb_virtgpu *virtgpu, vmb_ioctl_fn next, int fd,
	const struct drm_virtgpu_resource_create_blob *created, struct vmb_blob *blob)
{
	struct drm_gem_close close = { .handle = created->bo_handle };

	atomic_fetch_add_explicit(&virtgpu->statistics.created, 1, memory_order_relaxed);
	if (!blob) {
		return 0;
	}
	int ret = vmb_blob_add(virtgpu, created->bo_handle, blob);
	if (ret == 0) {
		return 0;
	}
	if (blob->is_deferred) {
		next(fd, DRM_IOCTL_GEM_CLOSE, &close);
	} else {
		ret = 0;
	}
	free(blob);
	return ret;
}

/* Copies the driver's struct, which may be shorter or longer than the layer's. */
static void copy_blob(
	struct drm_virtgpu_resource_create_blob *copy, const void *arg, unsigned long request)
{
	size_t size = _IOC_SIZE(request);

	memset(copy, 0, sizeof(*copy));
	memcpy(copy, arg, size < sizeof(*copy) ? size : sizeof(*copy));
}

/* Makes the request with the hints in blob. The results go to the driver's struct and to blob. */
static int create_with_hints(vmb_ioctl_fn next, int fd, unsigned long request, void *arg,
	struct drm_virtgpu_resource_create_blob *blob)
{
	struct drm_virtgpu_resource_create_blob *given = arg;

	if (_IOC_SIZE(request) < sizeof(*blob)) {
		int ret = next(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, blob);
		memcpy(arg, blob, _IOC_SIZE(request));
		return ret;
	}
	/* A longer struct may have further members, so the driver's own struct goes to the kernel.
	 * Its hints change only during the ioctl. */
	uint32_t hints = given->blob_hints;
	given->blob_hints = blob->blob_hints;
	int ret = next(fd, request, arg);
	given->blob_hints = hints;
	*blob = *given;
	return ret;
}

/* Whether the blob is the memory of this vkAllocateMemory. A blob with any other flag, such as
 * USE_CROSS_DEVICE, is mapped at once, as without the layer. */
static bool is_of_allocation(
	const struct vmb_virtgpu_call *call, const struct drm_virtgpu_resource_create_blob *blob)
{
	const uint32_t others = ~(
		uint32_t)(VIRTGPU_BLOB_FLAG_USE_MAPPABLE | VIRTGPU_BLOB_FLAG_USE_SHAREABLE);

	return call && call->is_allocation && !(blob->blob_flags & others);
}

/* The bit of the call's memory type in a mask of memory types. */
static uint32_t type_bit(const struct vmb_virtgpu_call *call)
{
	return UINT32_C(1) << (call->memory_type & 31);
}

/*
 * Whether the driver maps memory of this type only after vkAllocateMemory. Some drivers map some
 * types during vkAllocateMemory, and some of them do not handle a failed mapping. Blobs of a type
 * that is still unknown are mapped at once. If hostmem is full, their creation fails, as without
 * the layer.
 */
static bool is_mapped_late(const struct vmb_virtgpu *virtgpu, const struct vmb_virtgpu_call *call)
{
	uint32_t early = atomic_load_explicit(&virtgpu->early_types, memory_order_relaxed);
	uint32_t late = atomic_load_explicit(&virtgpu->late_types, memory_order_relaxed);

	return late & ~early & type_bit(call);
}

/* Makes the request with the hint set or cleared. *blob becomes a copy of the result. */
static int create_hinted(vmb_ioctl_fn next, int fd, unsigned long request, void *arg,
	bool is_hinted, struct drm_virtgpu_resource_create_blob *blob)
{
	const uint32_t defer = DRM_VIRTGPU_BLOB_FLAG_HINT_DEFER_MAPPING;
	uint32_t hints = is_hinted ? blob->blob_hints | defer : blob->blob_hints & ~defer;

	if (hints != blob->blob_hints) {
		blob->blob_hints = hints;
		return create_with_hints(next, fd, request, arg, blob);
	}
	int ret = next(fd, request, arg);
	copy_blob(blob, arg, request);
	return ret;
}

/* Makes the request with the hint if the blob's mapping can be deferred. */
static int create_blob(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_call *call,
	vmb_ioctl_fn next, int fd, unsigned long request, void *arg)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct drm_virtgpu_resource_create_blob created;

	copy_blob(&created, arg, request);
	if (created.blob_mem != VIRTGPU_BLOB_MEM_HOST3D ||
		!(created.blob_flags & VIRTGPU_BLOB_FLAG_USE_MAPPABLE)) {
		return next(fd, request, arg);
	}
	bool is_allocated = is_of_allocation(call, &created);
	bool is_hinted = (is_allocated && is_mapped_late(virtgpu, call)) ||
		(created.blob_hints & DRM_VIRTGPU_BLOB_FLAG_HINT_DEFER_MAPPING);
	is_hinted = is_hinted && vmb_virtgpu_decide(virtgpu);
	struct vmb_blob *blob = malloc(sizeof(*blob));
	if (!blob) {
		is_hinted = false;
	}
	int ret = create_hinted(next, fd, request, arg, is_hinted, &created);
	/* The kernel returns no handle to a request without _IOC_READ. */
	if (ret < 0 || !created.bo_handle) {
		free(blob);
		return ret;
	}
	if (blob) {
		*blob = (struct vmb_blob){
			.size = (created.size + page - 1) & ~(page - 1),
			.is_deferred = is_hinted,
		};
	}
	int error = keep_blob(virtgpu, next, fd, &created, blob);
	if (error < 0) {
		return fail(error);
	}
	if (is_allocated) {
		call->created = created.bo_handle;
	}
	return ret;
}

/* Returns the dma-buf of a blob, which the caller closes, or a negative errno. */
static int export_dmabuf(vmb_ioctl_fn next, int fd, uint32_t handle)
{
	struct drm_prime_handle prime = { .handle = handle, .flags = O_CLOEXEC | O_RDWR };

	int ret = vmb_ioctl_retry(next, fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	return ret < 0 ? ret : prime.fd;
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
		.is_imported = blob.is_imported,
		.mapped = vmb_blob_set_mapped,
		.owner = virtgpu,
		.handle = handle,
		.serial = blob.serial,
	};
	if (guarded.dmabuf < 0) {
		return guarded.dmabuf;
	}
	int ret = vmb_guard_map(virtgpu->guard, &virtgpu->hostmem, virtgpu->helper, &guarded);
	if (ret < 0 && !blob.is_imported) {
		atomic_fetch_add_explicit(&virtgpu->statistics.refused, 1, memory_order_relaxed);
	}
	return ret;
}

/*
 * Makes the first mapping of a deferred blob. Called before the driver maps or exports the blob:
 * any process that has the dma-buf can map it, and would block. A device that imports an unmapped
 * blob would get no addresses. 0, also for a blob that is not deferred; -ENOSPC if hostmem has no
 * room; any other negative errno.
 */
static int ensure_mapped(struct vmb_virtgpu *virtgpu, vmb_ioctl_fn next, int fd, uint32_t handle)
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
	int ret = ensure_mapped(virtgpu, next, fd, handle);

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

/* A blob needs its first mapping before it is exported (ensure_mapped()). An imported blob is
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
		return create_blob(virtgpu, call, next, fd, request, arg);
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
			type_bit(call), memory_order_relaxed);
	}
}
