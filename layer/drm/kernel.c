/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_CLOEXEC */
#include "drm/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <uapi/drm.h>
#include <unistd.h>

int vmb_kernel_driver_ask(vmb_ioctl_fn ioctl, int fd, struct vmb_kernel_driver *driver)
{
	struct vmb_drm_version version;
	int ret;

	do {
		*driver = (struct vmb_kernel_driver){ .name = "" };
		version = (struct vmb_drm_version){
			.name_len = sizeof(driver->name) - 1,
			.name = driver->name,
		};
		ret = ioctl(fd, VMB_IOCTL_VERSION, &version);
	} while (ret < 0 && (errno == EINTR || errno == EAGAIN));
	if (ret < 0) {
		return -errno;
	}
	driver->major = (uint32_t)version.version_major;
	driver->minor = (uint32_t)version.version_minor;
	return 0;
}

int vmb_kernel_driver_of_node(uint32_t node, struct vmb_kernel_driver *driver)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/dri/renderD%" PRIu32, node);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	int ret = vmb_kernel_driver_ask(ioctl, fd, driver);
	close(fd);
	return ret;
}
