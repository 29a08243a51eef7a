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

/* Open files and exported file descriptors. The caller holds the simulated kernel's lock. */

/* The object of a handle, or NULL if the file has no such handle. */
struct vmb_sim_vm *vmb_sim_file_vm(struct vmb_sim_file *file, uint32_t id);
struct vmb_sim_bo *vmb_sim_file_bo(struct vmb_sim_file *file, uint32_t handle);

/* Destroy a VM or a group that the caller has removed from the file's handles. */
void vmb_sim_file_end_vm(struct vmb_sim_file *file, uint32_t id, struct vmb_sim_vm *vm);
void vmb_sim_file_end_group(struct vmb_sim *sim, void *group);
/* Destroys the file and all its objects. */
void vmb_sim_file_destroy(struct vmb_sim_file *file);

/* Open a new descriptor of the object with O_CLOEXEC. Return 0 or a negative errno. */
int vmb_sim_export_bo(struct vmb_sim *sim, struct vmb_sim_bo *bo, int *fd);
int vmb_sim_export_syncobj(struct vmb_sim *sim, struct vmb_sim_syncobj *syncobj, int *fd);
/* The export that the descriptor belongs to, or NULL. */
const struct vmb_sim_export *vmb_sim_find_export(struct vmb_sim *sim, int fd);
void vmb_sim_exports_finish(struct vmb_sim *sim);

#endif
