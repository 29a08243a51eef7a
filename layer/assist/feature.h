/* SPDX-License-Identifier: MIT */
#ifndef VMB_ASSIST_FEATURE_H
#define VMB_ASSIST_FEATURE_H

#include "vk/device.h"

/*
 * Corrects the sparse resources of panvk before 26.2 at the ioctl boundary. The maps of the
 * driver's blackhole BO over a new resource go to the kernel as one sparse op. A bind of
 * VK_NULL_HANDLE is given to the driver as a bind of the null memory, whose maps the translator
 * turns into sparse ops: address, order, queue and synchronization are the driver's.
 */
extern const struct vmb_feature vmb_assist_feature;

#endif
