/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PANTHOR_VM_H
#define VMB_BACKEND_PANTHOR_VM_H

#include "backend/vm.h"
#include "ioctl/intercept.h"

/*
 * The VM of a driver on panthor: the driver's own VM, where the layer binds memory with VM_BIND.
 *
 * A reservation is an allocation of the driver that the translator turns into addresses without
 * memory. A backing is a BO of the driver. Each submit makes one asynchronous VM_BIND, or several
 * if it has many ops.
 */

/* Creates the VM of a live intercept. On success the VM owns the intercept. 0, or a negative
 * errno. */
int vmb_panthor_vm_create(
	struct vmb_intercept *intercept, struct vmb_trace *trace, struct vmb_vm **vm);

/* The intercept of such a VM, which still owns it. */
struct vmb_intercept *vmb_panthor_vm_intercept(struct vmb_vm *vm);

#endif
