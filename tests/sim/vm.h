/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_VM_H
#define VMB_SIM_VM_H

#include "gpuvm.h"
#include "handles.h"
#include "job.h"

/* The simulated kernel's lock guards it. */
struct vmb_sim_vm {
	unsigned refs; /* of its file and of jobs */
	uint64_t id; /* from 1, of all files; never used again */
	uint64_t user_va_range;
	struct vmb_sim_gpuvm map;
	struct vmb_sim_queue binds;
	struct vmb_sim_handles heaps;
};

struct vmb_sim_vm *vmb_sim_vm_ref(struct vmb_sim_vm *vm);
void vmb_sim_vm_unref(struct vmb_sim_vm *vm);

#endif
