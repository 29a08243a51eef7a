/* SPDX-License-Identifier: MIT */
#ifndef VMB_UAPI_DRM_H
#define VMB_UAPI_DRM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

/*
 * What the kernel's DRM core takes from user space, as far as we speak it: the layout of the
 * arguments and the numbers of the requests. tests/unit/test_uapi.c compares each with the kernel's
 * own headers. The names are ours, so that both can be included in one file.
 *
 * Pointers and sizes in drm_version are those of the process. Every other struct is the same in
 * a 32-bit process: no compiler pads it, as 64-bit members stand at multiples of 8.
 */

#define DRM_IOCTL_BASE 'd'
/* Requests from here to DRM_COMMAND_END - 1 are the driver's own. */
#define DRM_COMMAND_BASE 0x40
#define DRM_COMMAND_END 0xa0

/* Each length is that of the buffer on entry, and that of the whole string on return. */
struct drm_version {
	int32_t version_major;
	int32_t version_minor;
	int32_t version_patchlevel;
	size_t name_len;
	char *name; /* not terminated */
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
	uint32_t flags; /* of the fd: O_CLOEXEC, O_RDWR */
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

/* Kernels before 6.17 know it up to pad. */
struct drm_syncobj_handle {
	uint32_t handle;
	uint32_t flags;
	int32_t fd;
	uint32_t pad; /* must be 0 */
	uint64_t point; /* with the TIMELINE flags, else 0 */
};

enum {
	DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL = 1 << 0,
	/* a syncobj or point without a fence is waited for, not an error */
	DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT = 1 << 1,
	/* timeline wait only: a fence is enough, it need not be signalled */
	DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE = 1 << 2,
	DRM_SYNCOBJ_WAIT_FLAGS_WAIT_DEADLINE = 1 << 3,
};

/* Times are absolute, of CLOCK_MONOTONIC. Kernels before 6.7 know it up to pad. */
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
	/* the last point that has a fence, not the last one signalled */
	DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED = 1 << 0,
};

struct drm_syncobj_timeline_array {
	uint64_t handles; /* pointer to uint32_t[count_handles] */
	uint64_t points; /* pointer to uint64_t[count_handles] */
	uint32_t count_handles;
	uint32_t flags;
};

/* Point 0 stands for the binary payload. */
struct drm_syncobj_transfer {
	uint32_t src_handle;
	uint32_t dst_handle;
	uint64_t src_point;
	uint64_t dst_point;
	uint32_t flags; /* DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT */
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
