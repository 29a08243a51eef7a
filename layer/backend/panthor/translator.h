/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PANTHOR_TRANSLATOR_H
#define VMB_BACKEND_PANTHOR_TRANSLATOR_H

#include <stdint.h>

#include "backend/panthor/device.h"
#include "ioctl/intercept.h"

/*
 * The translator for panthor: what happens to the ioctls of a driver on that kernel driver.
 * Addresses, sizes and offsets are in bytes; errors are negative errno values.
 */
extern const struct vmb_translator vmb_panthor_translator;

/* What the layer calls the driver for. */
enum vmb_panthor_call_kind {
	/* vkCreateDevice: shows the descriptor and the VM. */
	VMB_PANTHOR_CALL_CREATE_DEVICE,
	/* A sparse resource is created: the maps of the blackhole are held back, and sent as one op
	 * at the end. */
	VMB_PANTHOR_CALL_CREATE_SPARSE,
	/* vkAllocateMemory: shows the BO. */
	VMB_PANTHOR_CALL_ALLOCATE,
	/* vkAllocateMemory of a reservation: takes addresses, and one page of memory. */
	VMB_PANTHOR_CALL_RESERVE,
	/* As RESERVE, to find out whether the addresses are free: nothing is mapped. */
	VMB_PANTHOR_CALL_MEASURE,
};

/* A driver call, and what it shows or holds back. */
struct vmb_panthor_call {
	struct vmb_driver_call base;
	enum vmb_panthor_call_kind kind;
	/* ALLOCATE and RESERVE: the BO that the driver created, 0 if it created none; */
	uint32_t bo;
	uint64_t bo_size; /* as the driver asked for it, in whole pages; */
	/* and its map, size 0 if there is none. */
	uint64_t va;
	uint64_t size;
	uint32_t map_flags;
	/* CREATE_SPARSE: a range that is still to be made sparse, size 0 if there is none. */
	uint64_t held_va;
	uint64_t held_size;
};

/* Ends with vmb_driver_call_end(&call->base), which sends what was held back. */
void vmb_panthor_call_begin(struct vmb_panthor_call *call, struct vmb_intercept *intercept,
	enum vmb_panthor_call_kind kind);

#endif
