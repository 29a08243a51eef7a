/* SPDX-License-Identifier: MIT */
#ifndef VMB_UAPI_DRM_H
#define VMB_UAPI_DRM_H

#include <linux/ioctl.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The user-space interface of the kernel's DRM core, as far as the layer and its tests use it.
 * Names, layouts and request numbers are the kernel's, so a file includes either this header or the
 * kernel's drm.h. tests/unit/test_uapi.c compares each with the kernel's header.
 *
 * struct drm_version holds pointers and sizes of the process. Every other struct has the same
 * layout in a 32-bit process: 64-bit members start at multiples of 8, so no compiler adds padding.
 */

#define DRM_IOCTL_BASE 'd'
/* Requests from DRM_COMMAND_BASE to DRM_COMMAND_END - 1 belong to the driver. */
#define DRM_COMMAND_BASE 0x40
#define DRM_COMMAND_END 0xa0

/* Each length is the size of the buffer on entry, and the length of the whole string on return. */
struct drm_version {
	int32_t version_major;
	int32_t version_minor;
	int32_t version_patchlevel;
	size_t name_len;
	char *name; /* without a terminating null byte */
	size_t date_len;
	char *date;
	size_t desc_len;
	char *desc;
};

struct drm_gem_close {
	uint32_t handle;
	uint32_t pad;
};

enum {
	DRM_PRIME_CAP_IMPORT = 1 << 0,
	DRM_PRIME_CAP_EXPORT = 1 << 1,
};

enum {
	DRM_CAP_PRIME = 0x5,
	DRM_CAP_TIMESTAMP_MONOTONIC = 0x6,
	DRM_CAP_SYNCOBJ = 0x13,
	DRM_CAP_SYNCOBJ_TIMELINE = 0x14,
};

struct drm_get_cap {
	uint64_t capability;
	uint64_t value;
};

struct drm_prime_handle {
	uint32_t handle;
	uint32_t flags; /* O_CLOEXEC and O_RDWR of the descriptor */
	int32_t fd;
};

enum {
	DRM_SYNCOBJ_CREATE_SIGNALED = 1 << 0,
};

struct drm_syncobj_create {
	uint32_t handle;
	uint32_t flags;
};

struct drm_syncobj_destroy {
	uint32_t handle;
	uint32_t pad; /* must be 0 */
};

enum {
	DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE = 1 << 0,
	DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_TIMELINE = 1 << 1,
	DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE = 1 << 0,
	DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_TIMELINE = 1 << 1,
};

/* Before Linux 6.17 the struct ends after pad. */
struct drm_syncobj_handle {
	uint32_t handle;
	uint32_t flags;
	int32_t fd;
	uint32_t pad; /* must be 0 */
	uint64_t point; /* must be 0 without a TIMELINE flag */
};

enum {
	DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL = 1 << 0,
	/* also wait for a syncobj or point that has no fence, instead of EINVAL */
	DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT = 1 << 1,
	/* timeline wait only: wait until the point has a fence, signalled or not */
	DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE = 1 << 2,
	DRM_SYNCOBJ_WAIT_FLAGS_WAIT_DEADLINE = 1 << 3,
};

/* Times are absolute times of CLOCK_MONOTONIC. Before Linux 6.7 both structs end after pad. */
struct drm_syncobj_wait {
	uint64_t handles; /* pointer to uint32_t[count_handles] */
	int64_t timeout_nsec;
	uint32_t count_handles;
	uint32_t flags;
	uint32_t first_signaled; /* returned, unless WAIT_ALL */
	uint32_t pad;
	uint64_t deadline_nsec;
};

struct drm_syncobj_timeline_wait {
	uint64_t handles; /* pointer to uint32_t[count_handles] */
	uint64_t points; /* pointer to uint64_t[count_handles] */
	int64_t timeout_nsec;
	uint32_t count_handles;
	uint32_t flags;
	uint32_t first_signaled; /* returned, unless WAIT_ALL */
	uint32_t pad;
	uint64_t deadline_nsec;
};

struct drm_syncobj_array {
	uint64_t handles; /* pointer to uint32_t[count_handles] */
	uint32_t count_handles;
	uint32_t pad; /* must be 0 */
};

enum {
	/* return the last point that has a fence instead of the last signalled one */
	DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED = 1 << 0,
};

struct drm_syncobj_timeline_array {
	uint64_t handles; /* pointer to uint32_t[count_handles] */
	uint64_t points; /* pointer to uint64_t[count_handles] */
	uint32_t count_handles;
	uint32_t flags;
};

/* Point 0 is the binary payload. */
struct drm_syncobj_transfer {
	uint32_t src_handle;
	uint32_t dst_handle;
	uint64_t src_point;
	uint64_t dst_point;
	uint32_t flags; /* 0 or DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT */
	uint32_t pad; /* must be 0 */
};

#define DRM_IOWR(nr, type) _IOWR(DRM_IOCTL_BASE, nr, type)
#define DRM_IOW(nr, type) _IOW(DRM_IOCTL_BASE, nr, type)

#define DRM_IOCTL_VERSION DRM_IOWR(0x00, struct drm_version)
#define DRM_IOCTL_GEM_CLOSE DRM_IOW(0x09, struct drm_gem_close)
#define DRM_IOCTL_GET_CAP DRM_IOWR(0x0c, struct drm_get_cap)
#define DRM_IOCTL_PRIME_HANDLE_TO_FD DRM_IOWR(0x2d, struct drm_prime_handle)
#define DRM_IOCTL_PRIME_FD_TO_HANDLE DRM_IOWR(0x2e, struct drm_prime_handle)
#define DRM_IOCTL_SYNCOBJ_CREATE DRM_IOWR(0xbf, struct drm_syncobj_create)
#define DRM_IOCTL_SYNCOBJ_DESTROY DRM_IOWR(0xc0, struct drm_syncobj_destroy)
#define DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD DRM_IOWR(0xc1, struct drm_syncobj_handle)
#define DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE DRM_IOWR(0xc2, struct drm_syncobj_handle)
#define DRM_IOCTL_SYNCOBJ_WAIT DRM_IOWR(0xc3, struct drm_syncobj_wait)
#define DRM_IOCTL_SYNCOBJ_RESET DRM_IOWR(0xc4, struct drm_syncobj_array)
#define DRM_IOCTL_SYNCOBJ_SIGNAL DRM_IOWR(0xc5, struct drm_syncobj_array)
#define DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT DRM_IOWR(0xca, struct drm_syncobj_timeline_wait)
#define DRM_IOCTL_SYNCOBJ_QUERY DRM_IOWR(0xcb, struct drm_syncobj_timeline_array)
#define DRM_IOCTL_SYNCOBJ_TRANSFER DRM_IOWR(0xcc, struct drm_syncobj_transfer)
#define DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL DRM_IOWR(0xcd, struct drm_syncobj_timeline_array)

#endif
