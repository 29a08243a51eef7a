/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PANTHOR_VM_H
#define VMB_BACKEND_PANTHOR_VM_H

#include "backend/vm.h"
#include "ioctl/intercept.h"

/*
 * The VM of a driver on panthor: the driver's own, in which binds are VM_BIND ops of the layer.
 *
 * A reservation is an allocation of the driver that the translator turns into addresses without
 * memory. A backing is a BO of the driver. A plan is one asynchronous VM_BIND, or several if it is
 * long.
 */

/* The granularity of any such VM, in bytes. */
uint64_t vmb_panthor_granularity(void);

/* Of a live intercept, which the VM takes over on success. Negative errno. */
int vmb_panthor_vm_create(
	struct vmb_intercept *intercept, struct vmb_trace *trace, struct vmb_vm **vm);

/* The intercept of such a VM. */
struct vmb_intercept *vmb_panthor_vm_intercept(struct vmb_vm *vm);

#endif
