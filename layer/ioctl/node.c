/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_CLOEXEC */
#include "ioctl/node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int vmb_node_open(dev_t device)
{
	struct stat opened;
	char path[64];

	snprintf(path, sizeof(path), "/dev/dri/renderD%u", minor(device));
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	if (fstat(fd, &opened) < 0 || opened.st_rdev != device) {
		close(fd);
		return -ENODEV;
	}
	return fd;
}
