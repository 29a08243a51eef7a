/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_FEATURE_H
#define VMB_PROVIDE_FEATURE_H

#include "vk/device.h"

/* Adds sparse buffers and opaque sparse images to a driver without sparse resources. */
extern const struct vmb_feature vmb_provide_feature;

/*
 * Refuses sparse buffers and images on a device of the provide route without sparse features. Some
 * applications use sparse resources without enabling a feature. Drivers with sparse resources of
 * their own accept such an application. The layer does not: it would have to allocate the memory of
 * every device, not only of devices that enable a feature.
 */
extern const struct vmb_feature vmb_refusal_feature;

#endif
