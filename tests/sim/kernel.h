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

/* The state that the parts of the simulated kernel share. vmb_sim.lock guards all structs. */

enum {
	VMB_SIM_PAGE_SIZE = 4096,
	VMB_SIM_VA_BITS = 48, /* Mali-G610 */
	VMB_SIM_MAX_QUEUES = 8, /* in a group */
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
 * An object that was exported as a file descriptor. The inode identifies the object. The export is
 * kept until vmb_sim_destroy(), because the simulated kernel cannot see the last close().
 */
struct vmb_sim_export {
	struct vmb_sim_export *next;
	dev_t device;
	ino_t inode;
	int fd; /* syncobj: keeps the inode in use; BO: -1 */
	struct vmb_sim_bo *bo; /* NULL for a syncobj */
	struct vmb_sim_syncobj *syncobj; /* NULL for a BO */
};

struct vmb_sim {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a fence was signalled, or a syncobj got a fence */
	unsigned minor;
	uint32_t gpu_id;
	int stream;
	struct vmb_sim_faults faults;
	struct vmb_sim_file *files;
	struct vmb_sim_queue *queues; /* the queues that have jobs */
	bool gpu_held; /* see vmb_sim_hold_gpu() */
	struct vmb_sim_wait *waits;
	struct vmb_sim_export *exports;
	uint64_t last_file;
	uint64_t last_vm;
	uint64_t last_bo;
	uint64_t last_context; /* context of the newest fence chain */
	uint64_t next_mmap_offset;
};

/* One ioctl call. */
struct vmb_sim_call {
	struct vmb_sim *sim;
	struct vmb_sim_file *file;
	/* the index of the op that a VM_BIND failed at, or -1 */
	int64_t failed_index;
};

/* The ioctls of gem.c. The argument is a copy of the caller's; see vmb_sim_ioctl(). */
int vmb_sim_gem_close(struct vmb_sim_call *call, void *argument);
int vmb_sim_prime_handle_to_fd(struct vmb_sim_call *call, void *argument);
int vmb_sim_prime_fd_to_handle(struct vmb_sim_call *call, void *argument);
int vmb_sim_bo_create(struct vmb_sim_call *call, void *argument);
int vmb_sim_bo_mmap_offset(struct vmb_sim_call *call, void *argument);
int vmb_sim_bo_set_label(struct vmb_sim_call *call, void *argument);
int vmb_sim_bo_sync(struct vmb_sim_call *call, void *argument);
int vmb_sim_bo_query_info(struct vmb_sim_call *call, void *argument);

/* info.c */
int vmb_sim_version(struct vmb_sim_call *call, void *argument);
int vmb_sim_get_cap(struct vmb_sim_call *call, void *argument);
int vmb_sim_dev_query(struct vmb_sim_call *call, void *argument);

/* panthor.c */
int vmb_sim_vm_create(struct vmb_sim_call *call, void *argument);
int vmb_sim_vm_destroy(struct vmb_sim_call *call, void *argument);
int vmb_sim_vm_get_state(struct vmb_sim_call *call, void *argument);
int vmb_sim_group_create(struct vmb_sim_call *call, void *argument);
int vmb_sim_group_destroy(struct vmb_sim_call *call, void *argument);
int vmb_sim_group_get_state(struct vmb_sim_call *call, void *argument);
int vmb_sim_tiler_heap_create(struct vmb_sim_call *call, void *argument);
int vmb_sim_tiler_heap_destroy(struct vmb_sim_call *call, void *argument);
int vmb_sim_set_user_mmio_offset(struct vmb_sim_call *call, void *argument);

/* vm_bind.c and group_submit.c */
int vmb_sim_vm_bind(struct vmb_sim_call *call, void *argument);
int vmb_sim_group_submit(struct vmb_sim_call *call, void *argument);

/* syncobj.c */
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
