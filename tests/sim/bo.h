/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_BO_H
#define VMB_SIM_BO_H

#include <stdint.h>

/* A buffer object. The simulated kernel's lock guards every member. */
struct vmb_sim_bo {
	unsigned refs;
	uint32_t flags; /* DRM_PANTHOR_BO_… */
	uint64_t id; /* from 1; unlike handles, ids are not reused */
	uint64_t size; /* bytes */
	uint64_t exclusive_vm; /* id of the only VM that can map the BO; 0: any VM */
	uint64_t mmap_offset; /* 0: not assigned */
	int memfd; /* the memory; -1: not allocated */
};

struct vmb_sim_bo *vmb_sim_bo_ref(struct vmb_sim_bo *bo);
void vmb_sim_bo_unref(struct vmb_sim_bo *bo);

/* Allocates the BO's memory unless the BO has memory. Returns 0 or a negative errno. */
int vmb_sim_bo_populate(struct vmb_sim_bo *bo);

#endif
