/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_HOST_VM_H
#define VMB_BACKEND_HOST_VM_H

#include "backend/vm.h"

/*
 * The host VM, for drivers whose device is the CPU: the address space is the process's own.
 *
 * A reservation is private anonymous memory that is never asked for; memory is a range of one
 * memfd, mapped once for the application and the driver; a bind maps the same range of the file
 * over a piece of the reservation, in one mmap(2).
 */

/* granularity is a multiple of the page size. */
int vmb_host_create(uint64_t granularity, struct vmb_vm **vm);

/* How many bytes can be reserved in this process, as far as can be told by trying. */
uint64_t vmb_host_address_space(void);

#endif
