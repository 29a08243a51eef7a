/* SPDX-License-Identifier: MIT */
#ifndef VMB_IOCTL_KERNEL_H
#define VMB_IOCTL_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "ioctl/hook.h"

/*
 * The kernel driver behind a DRM node. Any thread may call any of these functions. Errors are
 * negative errno values.
 */

/* Name and version from DRM_IOCTL_VERSION. */
struct vmb_kernel_driver {
	char name[32]; /* "" if unknown; a longer name is cut */
	uint32_t major;
	uint32_t minor;
};

/* Queries the driver of an open DRM device through the ioctl function given. */
int vmb_kernel_driver_ask(vmb_ioctl_fn ioctl, int fd, struct vmb_kernel_driver *driver);

/* Opens the render node with this minor number and queries its driver. */
int vmb_kernel_driver_of_node(uint32_t node, struct vmb_kernel_driver *driver);

/*
 * Whether the render node with this minor number belongs to virtio_gpu. Reads only sysfs and makes
 * no ioctl. In sysfs the node's device is the virtio transport, mostly PCI, and the virtio device
 * is its child.
 */
bool vmb_kernel_is_virtio_gpu(uint32_t node);

#endif
