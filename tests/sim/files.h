/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_FILES_H
#define VMB_SIM_FILES_H

#include <stdint.h>

struct vmb_sim;
struct vmb_sim_bo;
struct vmb_sim_export;
struct vmb_sim_file;
struct vmb_sim_syncobj;
struct vmb_sim_vm;

/* Open files, and what leaves them as file descriptors. The caller holds the simulated kernel's
 * lock. */

/* What a file has a VM, a BO, … of under the handle; NULL if nothing. */
struct vmb_sim_vm *vmb_sim_file_vm(struct vmb_sim_file *file, uint32_t id);
struct vmb_sim_bo *vmb_sim_file_bo(struct vmb_sim_file *file, uint32_t handle);

/* Ends what a file owns, the VM or group being taken out of its table already. */
void vmb_sim_file_end_vm(struct vmb_sim_file *file, uint32_t id, struct vmb_sim_vm *vm);
void vmb_sim_file_end_group(struct vmb_sim *sim, void *group);
/* All of it, and the file. */
void vmb_sim_file_destroy(struct vmb_sim_file *file);

/* A new descriptor for the object, O_CLOEXEC. A negative errno. */
int vmb_sim_export_bo(struct vmb_sim *sim, struct vmb_sim_bo *bo, int *fd);
int vmb_sim_export_syncobj(struct vmb_sim *sim, struct vmb_sim_syncobj *syncobj, int *fd);
/* What the descriptor was exported as; NULL if it is none of those. */
const struct vmb_sim_export *vmb_sim_find_export(struct vmb_sim *sim, int fd);
void vmb_sim_exports_finish(struct vmb_sim *sim);

#endif
