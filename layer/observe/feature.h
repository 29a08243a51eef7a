/* SPDX-License-Identifier: MIT */
#ifndef VMB_OBSERVE_FEATURE_H
#define VMB_OBSERVE_FEATURE_H

#include "vk/device.h"

/*
 * Writes what VMBIND_TRACE and VMBIND_STATS ask for. Its commands lie over those of all other
 * features: each begins a slice, calls the command below, and describes the call in the slice.
 */
extern const struct vmb_feature vmb_observe_feature;

#endif
