/* SPDX-License-Identifier: MIT */
#ifndef VMB_ROUTE_DECIDE_H
#define VMB_ROUTE_DECIDE_H

#include "vk/physical_device.h"

/* Collects the facts about a physical device and fills in its route, what belongs to the route, and
 * the driver's names. May create a device to probe a backend. The caller holds decide_lock, or owns
 * the object. */
void vmb_route_decide(struct vmb_physical_device *physical);

#endif
