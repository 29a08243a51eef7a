/* SPDX-License-Identifier: MIT */
#include "virtgpu/create.h"

#include <errno.h>
#include <linux/ioctl.h>
#include <stdlib.h>
#include <string.h>
#include <uapi/virtgpu.h>
#include <unistd.h>

#include "virtgpu/blob.h"
#include "virtgpu/decide.h"

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

uint32_t vmb_virtgpu_type_bit(const struct vmb_virtgpu_call *call)
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

	return late & ~early & vmb_virtgpu_type_bit(call);
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

int vmb_virtgpu_create_blob(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_call *call,
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
		errno = -error;
		return -1;
	}
	if (is_allocated) {
		call->created = created.bo_handle;
	}
	return ret;
}
