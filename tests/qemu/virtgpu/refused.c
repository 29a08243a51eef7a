// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <uapi/virtgpu.h>

/*
 * A library to preload in the guest. It replaces the blob_id of exportable memory by an unknown
 * one: the host refuses the blob.
 */

#define EXPORT __attribute__((visibility("default")))
#define NO_SUCH_MEMORY 0x7fffffff

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	static int (*next)(int fd, unsigned long request, ...);
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (!next) {
		next = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
	}
	if (_IOC_TYPE(request) == DRM_IOCTL_BASE &&
		_IOC_NR(request) == _IOC_NR(DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB)) {
		/* All versions of the request have the fields used here. */
		struct drm_virtgpu_resource_create_blob *blob = argument;

		if (blob->blob_flags & VIRTGPU_BLOB_FLAG_USE_SHAREABLE) {
			blob->blob_id = NO_SUCH_MEMORY;
		}
	}
	return next(fd, request, argument);
}
