/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_BO_H
#define VMB_SIM_BO_H

#include <stdint.h>

/* A buffer object. The simulated kernel's lock guards the count of its references. */
struct vmb_sim_bo {
	unsigned refs;
	uint32_t flags; /* DRM_PANTHOR_BO_… */
	uint64_t id; /* from 1, never used again, unlike its handles */
	uint64_t size;
	uint64_t exclusive_vm; /* the id of the only VM that it may be mapped in; 0: any */
	uint64_t mmap_offset; /* 0: none yet */
	int memfd; /* its memory; -1: none yet */
};

struct vmb_sim_bo *vmb_sim_bo_ref(struct vmb_sim_bo *bo);
void vmb_sim_bo_unref(struct vmb_sim_bo *bo);

/* Gives it memory, if it has none yet. A negative errno. */
int vmb_sim_bo_populate(struct vmb_sim_bo *bo);

#endif
