/* SPDX-License-Identifier: MIT */
#ifndef VMB_IOCTL_KERNEL_H
#define VMB_IOCTL_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "ioctl/hook.h"

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

/*
 * Whether the render node with that minor number is one of virtio_gpu's, as far as sysfs tells: for
 * those who must not be seen to ask. Its device is what virtio came by, PCI mostly, of which
 * virtio's is a child. Any thread.
 */
bool vmb_kernel_is_virtio_gpu(uint32_t node);

#endif
