/* SPDX-License-Identifier: MIT */
#ifndef VMB_DRM_KERNEL_H
#define VMB_DRM_KERNEL_H

#include <stdint.h>

#include "drm/hook.h"

/* A kernel driver as it names itself (DRM_IOCTL_VERSION). */
struct vmb_kernel_driver {
	char name[32]; /* empty if it is not known; cut if it is longer */
	uint32_t major;
	uint32_t minor;
};

/* Asks the driver behind a file descriptor; negative errno. Any thread. */
int vmb_kernel_driver_ask(vmb_ioctl_fn ioctl, int fd, struct vmb_kernel_driver *driver);

/* Opens the render node with that minor number to ask its driver; negative errno. Any thread. */
int vmb_kernel_driver_of_node(uint32_t node, struct vmb_kernel_driver *driver);

#endif
