/* SPDX-License-Identifier: MIT */
#ifndef VMB_UAPI_VIRTGPU_H
#define VMB_UAPI_VIRTGPU_H

#include <stdint.h>

#include "drm.h"

/*
 * The user-space interface of the kernel driver virtio_gpu up to Linux 7.3, as far as the layer and
 * its tests use it. Names, layouts and request numbers are the kernel's. tests/unit/test_uapi.c
 * compares each with the kernel's header.
 *
 * A DRM driver extends a struct shorter than its own with zeros, and ignores the bytes of a longer
 * one that it does not know. No compiler adds padding, also on 32-bit systems.
 */

/* Returns the mmap() offset of a BO. The request itself maps nothing. */
struct drm_virtgpu_map {
	uint64_t offset; /* returned */
	uint32_t handle;
	uint32_t pad;
};

enum {
	VIRTGPU_PARAM_RESOURCE_BLOB = 3,
	VIRTGPU_PARAM_HOST_VISIBLE = 4, /* hostmem exists: blobs of host memory can be mapped */
	VIRTGPU_PARAM_CROSS_DEVICE = 5,
	VIRTGPU_PARAM_CONTEXT_INIT = 6,
	VIRTGPU_PARAM_SUPPORTED_CAPSET_IDs = 7, /* bit 1 << n: capability set n */
	/* A blob's size must be a multiple of this many bytes. A device without such a rule rejects
	 * the parameter. */
	VIRTGPU_PARAM_BLOB_ALIGNMENT = 9,
};

struct drm_virtgpu_getparam {
	uint64_t param;
	uint64_t value; /* pointer to an int that gets the value */
};

struct drm_virtgpu_resource_info {
	uint32_t bo_handle;
	uint32_t res_handle; /* returned */
	uint32_t size; /* returned: the lower 32 bits */
	uint32_t blob_mem; /* returned; unchanged if the BO is not a blob */
};

enum {
	VIRTGPU_BLOB_MEM_GUEST = 1,
	VIRTGPU_BLOB_MEM_HOST3D = 2,
	VIRTGPU_BLOB_MEM_HOST3D_GUEST = 3,
};

enum {
	VIRTGPU_BLOB_FLAG_USE_MAPPABLE = 1 << 0,
	VIRTGPU_BLOB_FLAG_USE_SHAREABLE = 1 << 1,
	VIRTGPU_BLOB_FLAG_USE_CROSS_DEVICE = 1 << 2,
};

enum {
	/* A HOST3D blob gets its range of hostmem at the first map instead of at creation. */
	DRM_VIRTGPU_BLOB_FLAG_HINT_DEFER_MAPPING = 1 << 0,
};

/* Before Linux 7.3 the struct ends before blob_hints. */
struct drm_virtgpu_resource_create_blob {
	uint32_t blob_mem;
	uint32_t blob_flags;
	uint32_t bo_handle; /* returned */
	uint32_t res_handle; /* returned */
	uint64_t size; /* rounded up to whole pages */
	uint32_t pad;
	uint32_t cmd_size; /* a multiple of 4 */
	uint64_t cmd; /* pointer to a command that the context executes first */
	uint64_t blob_id; /* the context's id of the memory; 0 for new shared memory */
	uint32_t blob_hints; /* the kernel ignores unknown hints */
	uint32_t pad2;
};

enum {
	VIRTGPU_CONTEXT_PARAM_CAPSET_ID = 1,
	VIRTGPU_CONTEXT_PARAM_NUM_RINGS = 2,
	VIRTGPU_CONTEXT_PARAM_POLL_RINGS_MASK = 3,
};

enum {
	VIRTGPU_DRM_CAPSET_VENUS = 4,
	VIRTGPU_DRM_CAPSET_DRM = 6, /* native contexts */
};

struct drm_virtgpu_context_set_param {
	uint64_t param;
	uint64_t value;
};

/* Once for each open file, before another request creates its context. */
struct drm_virtgpu_context_init {
	uint32_t num_params;
	uint32_t pad;
	uint64_t ctx_set_params; /* pointer to struct drm_virtgpu_context_set_param[num_params] */
};

#define DRM_IOCTL_VIRTGPU_MAP DRM_IOWR(DRM_COMMAND_BASE + 0x01, struct drm_virtgpu_map)
#define DRM_IOCTL_VIRTGPU_GETPARAM DRM_IOWR(DRM_COMMAND_BASE + 0x03, struct drm_virtgpu_getparam)
#define DRM_IOCTL_VIRTGPU_RESOURCE_INFO \
	DRM_IOWR(DRM_COMMAND_BASE + 0x05, struct drm_virtgpu_resource_info)
#define DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB \
	DRM_IOWR(DRM_COMMAND_BASE + 0x0a, struct drm_virtgpu_resource_create_blob)
#define DRM_IOCTL_VIRTGPU_CONTEXT_INIT \
	DRM_IOWR(DRM_COMMAND_BASE + 0x0b, struct drm_virtgpu_context_init)

#endif
