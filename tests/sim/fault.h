/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_FAULT_H
#define VMB_SIM_FAULT_H

#include <stddef.h>

/* Errors on request: which occurrence of what is to fail, and how. A zeroed one has none. */
struct vmb_sim_faults {
	struct vmb_sim_fault *faults;
	size_t count;
	size_t capacity;
};

/*
 * "IOCTL:N:ERRNO[,…]": the Nth IOCTL, counted from 1, fails with ERRNO and does nothing. IOCTL is a
 * name of the op stream, or vm_bind_op, which counts the ops of all VM_BINDs. What was there is
 * replaced. -EINVAL, with the reason on stderr, leaves none.
 */
int vmb_sim_faults_parse(struct vmb_sim_faults *faults, const char *text);
/* Counts an occurrence: 0, or the negative errno that it fails with. */
int vmb_sim_faults_next(struct vmb_sim_faults *faults, const char *name);
void vmb_sim_faults_finish(struct vmb_sim_faults *faults);

#endif
