/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_KERNEL_H
#define VMB_SIM_KERNEL_H

#include <pthread.h>
#include <sys/types.h>

#include "bo.h"
#include "fault.h"
#include "fence.h"
#include "gpuvm.h"
#include "handles.h"
#include "job.h"
#include "sim.h"

/* What the parts of the simulated kernel know of one another. vmb_sim.lock guards all of it. */

enum {
	VMB_SIM_PAGE_SIZE = 4096,
	VMB_SIM_VA_BITS = 48, /* of a Mali-G610 */
	VMB_SIM_MAX_QUEUES = 8, /* of a group */
};

struct vmb_sim_group {
	uint32_t queue_count;
	struct vmb_sim_queue queues[VMB_SIM_MAX_QUEUES];
};

struct vmb_sim_file {
	struct vmb_sim *sim;
	struct vmb_sim_file *next; /* in vmb_sim.files */
	uint64_t id; /* from 1 */
	struct vmb_sim_handles bos;
	struct vmb_sim_handles vms;
	struct vmb_sim_handles groups;
	struct vmb_sim_handles syncobjs;
};

/*
 * What was handed out as a file descriptor, known again by its inode. It is kept for good, as
 * nobody tells when the last descriptor is closed.
 */
struct vmb_sim_export {
	struct vmb_sim_export *next;
	dev_t device;
	ino_t inode;
	int fd; /* of a syncobj: keeps the inode in use */
	struct vmb_sim_bo *bo; /* one of these */
	struct vmb_sim_syncobj *syncobj;
};

struct vmb_sim {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a fence was signalled or given to a syncobj */
	unsigned minor;
	uint32_t gpu_id;
	int stream;
	struct vmb_sim_faults faults;
	struct vmb_sim_file *files;
	struct vmb_sim_queue *queues; /* all that have jobs */
	bool gpu_held; /* see vmb_sim_hold_gpu() */
	struct vmb_sim_wait *waits;
	struct vmb_sim_export *exports;
	uint64_t last_file;
	uint64_t last_vm;
	uint64_t last_bo;
	uint64_t last_context; /* of a fence chain */
	uint64_t next_mmap_offset;
};

/* One call of an ioctl. */
struct vmb_sim_call {
	struct vmb_sim *sim;
	struct vmb_sim_file *file;
	/* of a VM_BIND that failed at an op: its index; else -1 */
	int64_t failed_index;
};

/* ioctls of gem.c; the argument is a copy of the caller's, see vmb_sim_ioctl(). */
int vmb_sim_gem_close(struct vmb_sim_call *call, void *argument);
int vmb_sim_prime_handle_to_fd(struct vmb_sim_call *call, void *argument);
int vmb_sim_prime_fd_to_handle(struct vmb_sim_call *call, void *argument);
int vmb_sim_bo_create(struct vmb_sim_call *call, void *argument);
int vmb_sim_bo_mmap_offset(struct vmb_sim_call *call, void *argument);
int vmb_sim_bo_set_label(struct vmb_sim_call *call, void *argument);
int vmb_sim_bo_sync(struct vmb_sim_call *call, void *argument);
int vmb_sim_bo_query_info(struct vmb_sim_call *call, void *argument);

/* of info.c */
int vmb_sim_version(struct vmb_sim_call *call, void *argument);
int vmb_sim_get_cap(struct vmb_sim_call *call, void *argument);
int vmb_sim_dev_query(struct vmb_sim_call *call, void *argument);

/* of panthor.c */
int vmb_sim_vm_create(struct vmb_sim_call *call, void *argument);
int vmb_sim_vm_destroy(struct vmb_sim_call *call, void *argument);
int vmb_sim_vm_get_state(struct vmb_sim_call *call, void *argument);
int vmb_sim_group_create(struct vmb_sim_call *call, void *argument);
int vmb_sim_group_destroy(struct vmb_sim_call *call, void *argument);
int vmb_sim_group_get_state(struct vmb_sim_call *call, void *argument);
int vmb_sim_tiler_heap_create(struct vmb_sim_call *call, void *argument);
int vmb_sim_tiler_heap_destroy(struct vmb_sim_call *call, void *argument);
int vmb_sim_set_user_mmio_offset(struct vmb_sim_call *call, void *argument);

/* of vm_bind.c and group_submit.c */
int vmb_sim_vm_bind(struct vmb_sim_call *call, void *argument);
int vmb_sim_group_submit(struct vmb_sim_call *call, void *argument);

/* of syncobj.c */
int vmb_sim_syncobj_create(struct vmb_sim_call *call, void *argument);
int vmb_sim_syncobj_destroy(struct vmb_sim_call *call, void *argument);
int vmb_sim_syncobj_handle_to_fd(struct vmb_sim_call *call, void *argument);
int vmb_sim_syncobj_fd_to_handle(struct vmb_sim_call *call, void *argument);
int vmb_sim_syncobj_wait(struct vmb_sim_call *call, void *argument);
int vmb_sim_syncobj_timeline_wait(struct vmb_sim_call *call, void *argument);
int vmb_sim_syncobj_reset(struct vmb_sim_call *call, void *argument);
int vmb_sim_syncobj_signal(struct vmb_sim_call *call, void *argument);
int vmb_sim_syncobj_timeline_signal(struct vmb_sim_call *call, void *argument);
int vmb_sim_syncobj_query(struct vmb_sim_call *call, void *argument);
int vmb_sim_syncobj_transfer(struct vmb_sim_call *call, void *argument);

#endif
