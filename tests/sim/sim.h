/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_H
#define VMB_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpuvm.h"

/*
 * A simulated kernel: DRM's core and the driver panthor, as far as their ioctls can be told from
 * what they answer. VM_BIND checks its arguments as Linux 7.3 does and keeps a map of each VM;
 * syncobjs work; command streams are taken and not executed: their fences signal as soon as what
 * they wait for is. vmbind_sim.so (preload.c) puts it behind the ioctls of a process.
 *
 * Pointers in arguments are followed unchecked, but for NULL; only the bits that the driver of the
 * version knows are known. Thread-safe, but for create and destroy.
 */

struct vmb_sim;
struct vmb_sim_file;

struct vmb_sim_config {
	/* The driver's version is 1.minor. */
	unsigned minor;
	/* What faults, as vmb_sim_faults_parse() takes it; NULL: nothing. */
	const char *faults;
	/* What the op stream is written to, a line at a time; the caller's own. -1: there is
	 * none. */
	int stream;
	/* Bits 16 to 31 of the GPU's id; 0: a Mali-G610. */
	uint32_t gpu_id;
};

/* A negative errno; -EINVAL for faults that cannot be read. */
int vmb_sim_create(const struct vmb_sim_config *config, struct vmb_sim **sim);
/* Closes the files that are open. Nobody may be in a call. Accepts NULL. */
void vmb_sim_destroy(struct vmb_sim *sim);

/* An open file of the render node. */
struct vmb_sim_file *vmb_sim_open(struct vmb_sim *sim);
/* Takes its VMs and handles along. Nobody may be in a call for it. */
void vmb_sim_close(struct vmb_sim_file *file);

/*
 * 0 or a negative errno, and the argument changed as the kernel changes it. fd is what the caller
 * calls the file; it is only told in the op stream. Blocks where the kernel blocks. -ENOSYS is for
 * requests of the DRM core that are not simulated.
 */
int vmb_sim_ioctl(struct vmb_sim_file *file, int fd, unsigned long request, void *argument);

/*
 * The memory that an mmap of the file at the offset maps, from its start: a memfd, which is the
 * BO's and lives as long. -EINVAL if no BO of the file is there, or a shorter one.
 */
int vmb_sim_mmap(struct vmb_sim_file *file, uint64_t offset, uint64_t length, int *memfd);

/*
 * Held, the GPU runs nothing that is submitted, until it is let go. It is the only way to have a
 * fence that is not signalled: nothing else here takes time.
 */
void vmb_sim_hold_gpu(struct vmb_sim *sim, bool hold);

/* A line {"mark":text} of the op stream. */
void vmb_sim_mark(struct vmb_sim *sim, const char *text);
/* A line {"map":…} of the op stream for each VM of each open file. */
void vmb_sim_write_maps(struct vmb_sim *sim);

/* A mapping with what a test can know of its BO. */
struct vmb_sim_va {
	uint64_t va;
	uint64_t size;
	bool sparse;
	uint32_t bo; /* a handle of it in this file; 0 if it has none any more, or sparse */
	uint64_t bo_id;
	uint64_t offset;
	uint32_t flags; /* DRM_PANTHOR_VM_BIND_OP_… of the map */
};

/*
 * The map of a VM by address, as an array for free(). merged: see vmb_sim_gpuvm_list(). -EINVAL if
 * the file has no such VM.
 */
int vmb_sim_vm_map(struct vmb_sim_file *file, uint32_t vm, bool merged, struct vmb_sim_va **vas,
	size_t *count);

#endif
