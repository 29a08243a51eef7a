/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_ERRNOS_H
#define VMB_SIM_ERRNOS_H

/* The name of an errno, such as "ENOMEM"; "" for 0; "?" for an errno that no ioctl here returns. */
const char *vmb_sim_errno_name(int error);
/* The errno of a name, or 0 for an unknown name. */
int vmb_sim_errno_value(const char *name);

#endif
