/* SPDX-License-Identifier: MIT */
#ifndef VMB_IOCTL_RETRY_H
#define VMB_IOCTL_RETRY_H

#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>

typedef int (*vmb_ioctl_fn)(int fd, unsigned long request, ...);

/* The C library's ioctl(), whose request is an int in musl. */
static inline int vmb_ioctl_libc(int fd, unsigned long request, ...)
{
	va_list args;

	va_start(args, request);
	void *arg = va_arg(args, void *);
	va_end(args);
	return ioctl(fd, request, arg);
}

/* Repeats an ioctl after EINTR and EAGAIN, as drmIoctl() of libdrm does. 0, or a negative errno. */
static inline int vmb_ioctl_retry(
	vmb_ioctl_fn ioctl_function, int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl_function(fd, request, arg);
	} while (ret < 0 && (errno == EINTR || errno == EAGAIN));
	return ret < 0 ? -errno : 0;
}

#endif
