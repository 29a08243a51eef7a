/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_FAULT_H
#define VMB_SIM_FAULT_H

#include <stddef.h>

/* Injected errors: which occurrence of an ioctl fails, and its errno. A zeroed struct is empty. */
struct vmb_sim_faults {
	struct vmb_sim_fault *faults;
	size_t count;
	size_t capacity;
};

/*
 * Parses "IOCTL:N:ERRNO[,…]": the Nth IOCTL, counted from 1, fails with ERRNO and does nothing.
 * IOCTL is a name of the op stream, or vm_bind_op, which counts the ops of all VM_BINDs. Replaces
 * the faults of an earlier call. An error returns -EINVAL, prints the reason and leaves no faults.
 */
int vmb_sim_faults_parse(struct vmb_sim_faults *faults, const char *text);
/* Counts an occurrence. Returns 0, or the negative errno that this occurrence fails with. */
int vmb_sim_faults_next(struct vmb_sim_faults *faults, const char *name);
void vmb_sim_faults_finish(struct vmb_sim_faults *faults);

#endif
