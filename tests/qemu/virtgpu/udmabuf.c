// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/*
 * A library to preload into the renderer on the host. It emulates /dev/udmabuf, which is missing or
 * not accessible on many machines. lavapipe exports its memory to the guest as dma-bufs of udmabuf.
 * Here UDMABUF_CREATE returns the memfd itself: the renderer only maps the dma-buf.
 */

#define EXPORT __attribute__((visibility("default")))

EXPORT int open64(const char *path, int flags, ...)
{
	static int (*next)(const char *path, int flags, ...);
	va_list arguments;
	unsigned mode;

	if (strcmp(path, "/dev/udmabuf") == 0) {
		path = "/dev/null";
	}
	if (!next) {
		next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
	}
	va_start(arguments, flags);
	mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, unsigned) : 0;
	va_end(arguments);
	return next(path, flags, mode);
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	static int (*next)(int fd, unsigned long request, ...);
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if ((unsigned)request == (unsigned)UDMABUF_CREATE) {
		const struct udmabuf_create *create = argument;

		return fcntl((int)create->memfd, F_DUPFD_CLOEXEC, 0);
	}
	if (!next) {
		next = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
	}
	return next(fd, request, argument);
}
