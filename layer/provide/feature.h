/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_FEATURE_H
#define VMB_PROVIDE_FEATURE_H

#include "vk/device.h"

/* Adds sparse buffers and opaque sparse images to a driver without sparse resources. */
extern const struct vmb_feature vmb_provide_feature;

#endif
