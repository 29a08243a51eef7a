/* SPDX-License-Identifier: MIT */
#ifndef VMB_OBSERVE_STATISTICS_H
#define VMB_OBSERVE_STATISTICS_H

#include "vk/device.h"

/* Appends the device's statistics, one line of JSON, to the file that VMBIND_STATS names. Does
 * nothing without the setting. Logs errors. */
void vmb_statistics_write(struct vmb_device *device);

#endif
