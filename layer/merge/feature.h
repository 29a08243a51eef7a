/* SPDX-License-Identifier: MIT */
#ifndef VMB_MERGE_FEATURE_H
#define VMB_MERGE_FEATURE_H

#include "vk/device.h"

/* Joins neighbouring binds of a vkQueueBindSparse call, on devices with sparse resources of their
 * own. */
extern const struct vmb_feature vmb_merge_feature;

#endif
