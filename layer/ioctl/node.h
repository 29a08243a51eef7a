/* SPDX-License-Identifier: MIT */
#ifndef VMB_IOCTL_NODE_H
#define VMB_IOCTL_NODE_H

#include <sys/types.h>

/* A new open file of a DRM device by the number of its render node, or a negative errno. */
int vmb_node_open(dev_t device);

#endif
