/* SPDX-License-Identifier: MIT */
#ifndef VMB_IOCTL_NODE_H
#define VMB_IOCTL_NODE_H

#include <sys/types.h>

/* Opens the render node with this device number. Returns a descriptor that the caller owns, or a
 * negative errno: -ENODEV if the node's path leads to another device. Any thread may call it. */
int vmb_node_open(dev_t device);

#endif
