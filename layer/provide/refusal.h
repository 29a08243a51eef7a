/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_REFUSAL_H
#define VMB_PROVIDE_REFUSAL_H

#include "vk/device.h"

/*
 * Refuses sparse buffers and images on a device that enables no sparse feature, if the layer
 * reports the features. Some applications use sparse resources without enabling them. Drivers with
 * sparse resources of their own accept that. The layer cannot: it would have to allocate the memory
 * of every device.
 */
extern const struct vmb_feature vmb_refusal_feature;

#endif
