/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_HOST_VM_H
#define VMB_BACKEND_HOST_VM_H

#include "backend/vm.h"

/*
 * The VM of drivers whose device is the CPU: the process's own address space.
 *
 * A reservation is private anonymous memory that is never touched. Memory is a range of one memfd,
 * mapped once for the application and the driver. A bind maps a range of the file over a piece of
 * the reservation, in one mmap(2).
 */

/* granularity is a multiple of the page size, in bytes. Negative errno. */
int vmb_host_vm_create(uint64_t granularity, struct vmb_trace *trace, struct vmb_vm **vm);

/* The largest range, in bytes, that this process can reserve. Found out by trying. */
uint64_t vmb_host_address_space(void);

#endif
