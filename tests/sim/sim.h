/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_H
#define VMB_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpuvm.h"

/*
 * A simulated kernel: the ioctls of the DRM core and of the driver panthor. VM_BIND checks its
 * arguments as Linux 7.3 does, and each VM keeps its mappings. Syncobjs work. Command streams are
 * not executed: the fence of a submit signals as soon as its waits are signalled. libvmbind_sim.so
 * (preload.c) connects the simulated kernel to the ioctls of a process.
 *
 * Pointers in arguments are checked for NULL only. Flags are checked against the driver version.
 * Any thread may call any function except vmb_sim_create() and vmb_sim_destroy(). Errors are
 * negative errno values.
 */

struct vmb_sim;
struct vmb_sim_file;

struct vmb_sim_config {
	/* The driver's version is 1.minor. */
	unsigned minor;
	/* The faults in the form of vmb_sim_faults_parse(); NULL: no faults. */
	const char *faults;
	/* The descriptor of the op stream. The caller owns it. -1: no op stream. */
	int stream;
	/* Bits 16 to 31 of the GPU's id; 0: a Mali-G610. */
	uint32_t gpu_id;
};

/* Returns -EINVAL if the faults cannot be parsed. */
int vmb_sim_create(const struct vmb_sim_config *config, struct vmb_sim **sim);
/* Closes the open files. No other thread may be in a call. Accepts NULL. */
void vmb_sim_destroy(struct vmb_sim *sim);

/* Opens the render node. */
struct vmb_sim_file *vmb_sim_open(struct vmb_sim *sim);
/* Closes the file and destroys its VMs and handles. No other thread may use the file. */
void vmb_sim_close(struct vmb_sim_file *file);

/*
 * Executes an ioctl and changes the argument as the kernel does. fd is the caller's descriptor;
 * only the op stream uses it. The function blocks where the kernel blocks. Returns -ENOSYS for a
 * request of the DRM core that is not simulated.
 */
int vmb_sim_ioctl(struct vmb_sim_file *file, int fd, unsigned long request, void *argument);

/*
 * The memory that mmap() of the file at this offset maps. The memfd belongs to the BO; its mapping
 * starts at 0. Returns -EINVAL if no BO of the file has this offset, or if the BO is shorter.
 */
int vmb_sim_mmap(struct vmb_sim_file *file, uint64_t offset, uint64_t length, int *memfd);

/*
 * A held GPU runs no submits until it is released. Only a held GPU leaves the fence of a submit
 * unsignalled: the simulated kernel takes no time for a submit.
 */
void vmb_sim_hold_gpu(struct vmb_sim *sim, bool hold);

/* Writes a line {"mark":text} to the op stream. */
void vmb_sim_mark(struct vmb_sim *sim, const char *text);
/* Writes a line {"map":…} to the op stream for each VM of each open file. */
void vmb_sim_write_maps(struct vmb_sim *sim);

/* A mapping as tests see it. Addresses, sizes and offsets are in bytes. */
struct vmb_sim_va {
	uint64_t va;
	uint64_t size;
	bool sparse;
	uint32_t bo; /* the BO's handle in this file; 0 if the handle is closed, or sparse */
	uint64_t bo_id;
	uint64_t offset;
	uint32_t flags; /* DRM_PANTHOR_VM_BIND_OP_… of the map */
};

/*
 * Lists the mappings of a VM in the order of their addresses. For merged see vmb_sim_gpuvm_list().
 * The caller frees the array. Returns -EINVAL if the file has no such VM.
 */
int vmb_sim_vm_map(struct vmb_sim_file *file, uint32_t vm, bool merged, struct vmb_sim_va **vas,
	size_t *count);

#endif
