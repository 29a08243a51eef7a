/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PANTHOR_TRANSLATOR_H
#define VMB_BACKEND_PANTHOR_TRANSLATOR_H

#include <stdint.h>

#include "backend/panthor/device.h"
#include "ioctl/intercept.h"

/*
 * The translator for panthor: handles the ioctls of a Vulkan driver on that kernel driver.
 * Addresses, sizes and offsets are in bytes; errors are negative errno values.
 */
extern const struct vmb_translator vmb_panthor_translator;

/* The purpose of a driver call. */
enum vmb_panthor_call_kind {
	/* vkCreateDevice. The translator records the driver's descriptor and VM. */
	VMB_PANTHOR_CALL_CREATE_DEVICE,
	/* The creation of a sparse resource. The translator holds back the maps of the blackhole,
	 * and sends one sparse op at the end. */
	VMB_PANTHOR_CALL_CREATE_SPARSE,
	/* vkAllocateMemory. The translator records the BO and its map. */
	VMB_PANTHOR_CALL_ALLOCATE,
	/* vkAllocateMemory of a reservation. The BO becomes one page; its map becomes a sparse op
	 * over the whole range. */
	VMB_PANTHOR_CALL_RESERVE,
	/* As RESERVE, but without a map: tests whether the driver has free addresses. */
	VMB_PANTHOR_CALL_MEASURE,
};

/* A driver call, and the translator's notes about its ioctls. */
struct vmb_panthor_call {
	struct vmb_driver_call base;
	enum vmb_panthor_call_kind kind;
	/* ALLOCATE, RESERVE and MEASURE: the BO that the driver created, 0 if there is none. */
	uint32_t bo;
	uint64_t bo_size; /* the requested size, rounded up to whole pages */
	/* The map of the BO. size is 0 if there is none. */
	uint64_t va;
	uint64_t size;
	uint32_t map_flags;
	/* CREATE_SPARSE: the range of the maps that are held back. held_size is 0 if there are
	 * none. */
	uint64_t held_va;
	uint64_t held_size;
};

/* Begins a driver call, on the caller's stack. vmb_driver_call_end(&call->base) ends it and sends
 * the sparse op for maps that were held back. */
void vmb_panthor_call_begin(struct vmb_panthor_call *call, struct vmb_intercept *intercept,
	enum vmb_panthor_call_kind kind);

#endif
