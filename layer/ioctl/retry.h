/* SPDX-License-Identifier: MIT */
#ifndef VMB_IOCTL_RETRY_H
#define VMB_IOCTL_RETRY_H

#include <errno.h>

typedef int (*vmb_ioctl_fn)(int fd, unsigned long request, ...);

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
