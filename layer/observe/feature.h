/* SPDX-License-Identifier: MIT */
#ifndef VMB_OBSERVE_FEATURE_H
#define VMB_OBSERVE_FEATURE_H

#include "vk/device.h"

/*
 * Writes the trace (VMBIND_TRACE) and the statistics (VMBIND_STATS) of a device. The trace's
 * commands come before those of all other features: each begins a slice, calls the next command,
 * and describes the call in the slice.
 */
extern const struct vmb_feature vmb_observe_feature;

#endif
