/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_HOST_VM_H
#define VMB_BACKEND_HOST_VM_H

#include "backend/vm.h"

/*
 * The VM of drivers whose device is the CPU: the address space of the process.
 *
 * A reservation is private anonymous memory. A backing is a range of a memfd, and is mapped once
 * for the application and the driver. A bind is one mmap(2) of a range of the memfd over a part of
 * the reservation.
 */

/* granularity is a multiple of the page size, in bytes. Negative errno. */
int vmb_host_vm_create(uint64_t granularity, struct vmb_trace *trace, struct vmb_vm **vm);

#endif
