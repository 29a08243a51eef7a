/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_CLOEXEC */
#include "ioctl/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <uapi/drm.h>
#include <unistd.h>

/* The major number of every DRM node (Documentation/admin-guide/devices.txt). */
#define DRM_MAJOR 226

int vmb_kernel_driver_ask(vmb_ioctl_fn ioctl, int fd, struct vmb_kernel_driver *driver)
{
	struct drm_version version;
	int ret;

	do {
		*driver = (struct vmb_kernel_driver){ .name = "" };
		version = (struct drm_version){
			.name_len = sizeof(driver->name) - 1,
			.name = driver->name,
		};
		ret = ioctl(fd, DRM_IOCTL_VERSION, &version);
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
	int ret = vmb_kernel_driver_ask(vmb_ioctl_libc, fd, driver);
	close(fd);
	return ret;
}

static bool link_target_is(const char *link, const char *name)
{
	char target[PATH_MAX];
	ssize_t length = readlink(link, target, sizeof(target) - 1);

	if (length < 0) {
		return false;
	}
	target[length] = '\0';
	const char *slash = strrchr(target, '/');
	return strcmp(slash ? slash + 1 : target, name) == 0;
}

bool vmb_kernel_is_virtio_gpu(uint32_t node)
{
	char pattern[80];
	glob_t drivers;
	bool found = false;

	snprintf(pattern, sizeof(pattern), "/sys/dev/char/%d:%" PRIu32 "/device/virtio*/driver",
		DRM_MAJOR, node);
	if (glob(pattern, GLOB_NOSORT, NULL, &drivers) != 0) {
		return false;
	}
	for (size_t i = 0; i < drivers.gl_pathc; i++) {
		found = found || link_target_is(drivers.gl_pathv[i], "virtio_gpu");
	}
	globfree(&drivers);
	return found;
}
