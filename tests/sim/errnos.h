/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_ERRNOS_H
#define VMB_SIM_ERRNOS_H

/* "ENOMEM" and the like, of those that an ioctl here may give or be made to give; "" for 0. */
const char *vmb_sim_errno_name(int error);
/* 0 if there is no such name. */
int vmb_sim_errno_value(const char *name);

#endif
