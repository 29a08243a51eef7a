/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_STREAM_H
#define VMB_SIM_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

struct vmb_sim;
struct vmb_sim_call;
struct vmb_sim_file;
struct vmb_sim_vm;

/* The op stream in JSON Lines. Each line is written at once, so a crash loses no line. The caller
 * holds the simulated kernel's lock. */

/* Adds the end of a line, writes the line if a stream is open, and frees the line. */
void vmb_sim_stream_write(struct vmb_sim *sim, struct vmb_sim_text *line);

/* Writes the line {"map":…} of a VM. */
void vmb_sim_stream_map(
	struct vmb_sim_file *file, uint32_t id, const struct vmb_sim_vm *vm, bool destroyed);

/*
 * Adds the members that belong to the argument of an ioctl to its line, each after a comma. before
 * is the argument of the caller, after is the argument that the caller gets back.
 */
typedef void vmb_sim_describe(struct vmb_sim_text *line, const struct vmb_sim_call *call,
	const void *before, const void *after);

vmb_sim_describe vmb_sim_describe_vm_bind;
vmb_sim_describe vmb_sim_describe_vm_create;
vmb_sim_describe vmb_sim_describe_vm_destroy;
vmb_sim_describe vmb_sim_describe_bo_create;
vmb_sim_describe vmb_sim_describe_gem_close;
vmb_sim_describe vmb_sim_describe_prime_handle;
vmb_sim_describe vmb_sim_describe_dev_query;
vmb_sim_describe vmb_sim_describe_group_submit;
vmb_sim_describe vmb_sim_describe_syncobj_create;
vmb_sim_describe vmb_sim_describe_syncobj_destroy;
vmb_sim_describe vmb_sim_describe_syncobj_handle;
vmb_sim_describe vmb_sim_describe_syncobj_array;
vmb_sim_describe vmb_sim_describe_syncobj_timeline_array;
vmb_sim_describe vmb_sim_describe_syncobj_wait;
vmb_sim_describe vmb_sim_describe_syncobj_timeline_wait;
vmb_sim_describe vmb_sim_describe_syncobj_transfer;

#endif
