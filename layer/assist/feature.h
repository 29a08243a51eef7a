/* SPDX-License-Identifier: MIT */
#ifndef VMB_ASSIST_FEATURE_H
#define VMB_ASSIST_FEATURE_H

#include "vk/device.h"

/*
 * Corrects the sparse resources of panvk before 26.2. The driver maps its blackhole BO over a new
 * resource: the layer sends one sparse op instead. Where the application binds VK_NULL_HANDLE, the
 * layer gives the null memory to the driver, and turns the driver's maps of it into sparse ops. The
 * driver still decides address, order, queue and synchronization.
 */
extern const struct vmb_feature vmb_assist_feature;

#endif
