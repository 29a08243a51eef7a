/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_VM_H
#define VMB_SIM_VM_H

#include "gpuvm.h"
#include "handles.h"
#include "job.h"

/* A VM. The simulated kernel's lock guards every member. */
struct vmb_sim_vm {
	unsigned refs; /* the file's and the jobs' */
	uint64_t id; /* from 1; unique among all files and not reused */
	uint64_t user_va_range;
	struct vmb_sim_gpuvm map;
	struct vmb_sim_queue binds;
	struct vmb_sim_handles heaps;
};

struct vmb_sim_vm *vmb_sim_vm_ref(struct vmb_sim_vm *vm);
void vmb_sim_vm_unref(struct vmb_sim_vm *vm);

#endif
