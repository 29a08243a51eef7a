/* SPDX-License-Identifier: MIT */
#ifndef VMB_ROUTE_DECIDE_H
#define VMB_ROUTE_DECIDE_H

#include "vk/physical_device.h"

/* Collects the facts about a physical device and fills in the members from route on. May create a
 * device to probe a backend. The caller holds decide_lock, or is the only user of the object. */
void vmb_route_decide(struct vmb_physical_device *physical);

#endif
