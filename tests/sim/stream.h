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

/* The op stream: JSON Lines, each written at once, so that a crash loses none. The caller holds the
 * lock. */

/* Ends the line, writes it if there is a stream, and frees it. */
void vmb_sim_stream_write(struct vmb_sim *sim, struct vmb_sim_text *line);

/* The line {"map":…} of a VM. */
void vmb_sim_stream_map(
	struct vmb_sim_file *file, uint32_t id, const struct vmb_sim_vm *vm, bool destroyed);

/*
 * What the line of an ioctl says besides names and result: members, each with a comma before it.
 * before and after are the argument as it came and as it went.
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
