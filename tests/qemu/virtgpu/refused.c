// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <uapi/virtgpu.h>

/*
 * Preloaded in the guest: the host refuses each blob of exportable memory, since there is no memory
 * of the name that it is asked for.
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
		/* This much is in all versions of the request. */
		struct drm_virtgpu_resource_create_blob *blob = argument;

		if (blob->blob_flags & VIRTGPU_BLOB_FLAG_USE_SHAREABLE) {
			blob->blob_id = NO_SUCH_MEMORY;
		}
	}
	return next(fd, request, argument);
}
