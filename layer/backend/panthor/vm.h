/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PANTHOR_VM_H
#define VMB_BACKEND_PANTHOR_VM_H

#include "backend/vm.h"

/*
 * The VM of a driver on the kernel driver panthor: the driver's own, in which binds are VM_BIND ops
 * of the layer's.
 *
 * A reservation is an allocation of the driver's that the tap turns into addresses without memory; a
 * backing is a BO of the driver's; a plan of binds is an asynchronous VM_BIND, or several if it is long.
 */

/* The granularity of any such VM. */
uint64_t vmb_panthor_granularity(void);

/* The tap is live, and stays so as long as the VM. */
int vmb_panthor_vm_create(struct vmb_tap *tap, struct vmb_vm **vm);

#endif
