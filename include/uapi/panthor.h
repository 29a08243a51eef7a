/* SPDX-License-Identifier: MIT */
#ifndef VMB_UAPI_PANTHOR_H
#define VMB_UAPI_PANTHOR_H

#include <stdint.h>

#include "drm.h"

/*
 * What the kernel driver panthor takes from user space, up to its version 1.9 (Linux 7.3), in our
 * words. tests/unit/test_uapi.c compares all of it with the kernel's own headers.
 *
 * Every struct is laid out so that no compiler pads it, on 32-bit systems neither: 64-bit members
 * stand at multiples of 8. "From 1.x" names the driver version that has it first; one that does not
 * know it refuses it with EINVAL unless it is 0. pad members must be 0.
 */

/*
 * An array of structs of a size that the caller knows. The driver takes one shorter than its own
 * (the rest reads as 0), down to the size of the struct's first version (below it EINVAL), and one
 * longer if what it does not know is 0 (E2BIG otherwise).
 */
struct vmb_panthor_obj_array {
	uint32_t stride; /* bytes from one to the next */
	uint32_t count;
	uint64_t array; /* pointer */
};

#define VMB_PANTHOR_OBJ_ARRAY(n, pointer) \
	{ \
		.stride = sizeof((pointer)[0]), .count = (n), .array = (uintptr_t)(pointer) \
	}

#define VMB_PANTHOR_SYNC_OP_TYPE_MASK UINT32_C(0xff)
#define VMB_PANTHOR_SYNC_OP_SYNCOBJ UINT32_C(0)
#define VMB_PANTHOR_SYNC_OP_TIMELINE_SYNCOBJ UINT32_C(1)
#define VMB_PANTHOR_SYNC_OP_WAIT UINT32_C(0)
#define VMB_PANTHOR_SYNC_OP_SIGNAL (UINT32_C(1) << 31)

struct vmb_panthor_sync_op {
	uint32_t flags;
	uint32_t handle; /* of a syncobj */
	uint64_t timeline_value; /* 0 unless a timeline */
};

enum {
	VMB_PANTHOR_DEV_QUERY_GPU_INFO = 0,
	VMB_PANTHOR_DEV_QUERY_CSIF_INFO = 1,
	VMB_PANTHOR_DEV_QUERY_TIMESTAMP_INFO = 2, /* from 1.1 */
	VMB_PANTHOR_DEV_QUERY_GROUP_PRIORITIES_INFO = 3, /* from 1.2 */
	VMB_PANTHOR_DEV_QUERY_MMU_INFO = 4, /* from 1.9 */
};

struct vmb_panthor_dev_query {
	uint32_t type;
	/* of what pointer points to; returned: of what was written there, or the whole if it is NULL */
	uint32_t size;
	uint64_t pointer;
};

struct vmb_panthor_gpu_info {
	uint32_t gpu_id;
	uint32_t gpu_rev;
	uint32_t csf_id;
	uint32_t l2_features;
	uint32_t tiler_features;
	uint32_t mem_features;
	uint32_t mmu_features; /* bits 0 to 7: bits of a virtual address */
	uint32_t thread_features;
	uint32_t max_threads;
	uint32_t thread_max_workgroup_size;
	uint32_t thread_max_barrier_size;
	uint32_t coherency_features;
	uint32_t texture_features[4];
	uint32_t as_present;
	uint32_t selected_coherency; /* from 1.7 */
	uint64_t shader_present;
	uint64_t l2_present;
	uint64_t tiler_present;
	uint32_t core_features; /* not in every 1.x, as all below */
	uint32_t pad;
	uint64_t gpu_features;
};

struct vmb_panthor_csif_info {
	uint32_t csg_slot_count;
	uint32_t cs_slot_count;
	uint32_t cs_reg_count;
	uint32_t scoreboard_slot_count;
	uint32_t unpreserved_cs_reg_count;
	uint32_t pad;
};

#define VMB_PANTHOR_TIMESTAMP_GPU (UINT32_C(1) << 0)
#define VMB_PANTHOR_TIMESTAMP_CPU_MONOTONIC (UINT32_C(1) << 1)
#define VMB_PANTHOR_TIMESTAMP_CPU_MONOTONIC_RAW (UINT32_C(2) << 1)
#define VMB_PANTHOR_TIMESTAMP_CPU_TYPE_MASK (UINT32_C(7) << 1)
#define VMB_PANTHOR_TIMESTAMP_GPU_OFFSET (UINT32_C(1) << 4)
#define VMB_PANTHOR_TIMESTAMP_GPU_CYCLE_COUNT (UINT32_C(1) << 5)
#define VMB_PANTHOR_TIMESTAMP_FREQ (UINT32_C(1) << 6)
#define VMB_PANTHOR_TIMESTAMP_DURATION (UINT32_C(1) << 7)

struct vmb_panthor_timestamp_info {
	uint64_t timestamp_frequency;
	uint64_t current_timestamp;
	uint64_t timestamp_offset;
	uint32_t flags; /* from 1.8, as all below; 0: GPU, GPU_OFFSET and FREQ */
	uint32_t duration_nsec;
	uint64_t cycle_count;
	uint64_t cpu_timestamp_sec;
	uint64_t cpu_timestamp_nsec;
};

struct vmb_panthor_group_priorities_info {
	uint8_t allowed_mask; /* a bit for each priority */
	uint8_t pad[3];
};

struct vmb_panthor_mmu_info {
	uint64_t page_size_bitmap;
};

struct vmb_panthor_vm_create {
	uint32_t flags; /* must be 0 */
	uint32_t id; /* returned, not 0 */
	/*
	 * Addresses below are the user's, those above the kernel's. 0 leaves it to the driver. What the
	 * driver made of it is returned: never less than what was asked for, often much more.
	 */
	uint64_t user_va_range;
};

struct vmb_panthor_vm_destroy {
	uint32_t id;
	uint32_t pad;
};

/* of a map */
#define VMB_PANTHOR_VM_BIND_OP_READONLY (UINT32_C(1) << 0)
#define VMB_PANTHOR_VM_BIND_OP_NOEXEC (UINT32_C(1) << 1)
#define VMB_PANTHOR_VM_BIND_OP_UNCACHED (UINT32_C(1) << 2)
/* From 1.9. Reads give anything, writes go nowhere; with NOEXEC, bo_handle 0 and bo_offset 0. */
#define VMB_PANTHOR_VM_BIND_OP_SPARSE (UINT32_C(1) << 3)

#define VMB_PANTHOR_VM_BIND_OP_TYPE_MASK (UINT32_C(0xf) << 28)
#define VMB_PANTHOR_VM_BIND_OP_MAP (UINT32_C(0) << 28)
#define VMB_PANTHOR_VM_BIND_OP_UNMAP (UINT32_C(1) << 28)
/* asynchronous only, with at least one sync op and all else 0 */
#define VMB_PANTHOR_VM_BIND_OP_SYNC_ONLY (UINT32_C(2) << 28)

/* Addresses, sizes and offsets are multiples of 4 KiB. */
struct vmb_panthor_vm_bind_op {
	uint32_t flags;
	uint32_t bo_handle; /* of a map */
	uint64_t bo_offset; /* of a map */
	uint64_t va;
	uint64_t size;
	struct vmb_panthor_obj_array syncs; /* of vmb_panthor_sync_op; asynchronous only */
};

/* The ops run in the order of the calls, after their waits, behind the caller's back. */
#define VMB_PANTHOR_VM_BIND_ASYNC (UINT32_C(1) << 0)

/*
 * Synchronous ops are executed one by one; if one fails, ops.count is set to its index, and those
 * before it stay executed. Asynchronous ones fail all together, at submission.
 */
struct vmb_panthor_vm_bind {
	uint32_t vm_id;
	uint32_t flags;
	struct vmb_panthor_obj_array ops; /* of vmb_panthor_vm_bind_op */
};

enum {
	VMB_PANTHOR_VM_USABLE = 0,
	VMB_PANTHOR_VM_UNUSABLE = 1,
};

struct vmb_panthor_vm_get_state {
	uint32_t vm_id;
	uint32_t state; /* returned */
};

#define VMB_PANTHOR_BO_NO_MMAP (UINT32_C(1) << 0)
#define VMB_PANTHOR_BO_WB_MMAP (UINT32_C(1) << 1) /* from 1.7 */

struct vmb_panthor_bo_create {
	uint64_t size; /* returned rounded up to pages */
	uint32_t flags;
	uint32_t exclusive_vm_id; /* 0: any VM, and may be exported */
	uint32_t handle; /* returned, not 0 */
	uint32_t pad;
};

struct vmb_panthor_bo_mmap_offset {
	uint32_t handle;
	uint32_t pad;
	uint64_t offset; /* returned */
};

/* Where a file is mapped for the registers that user space may read, as offset of mmap. */
#define VMB_PANTHOR_USER_MMIO_OFFSET_32BIT (UINT64_C(1) << 43)
#define VMB_PANTHOR_USER_MMIO_OFFSET_64BIT (UINT64_C(1) << 56)

enum {
	VMB_PANTHOR_GROUP_PRIORITY_LOW = 0,
	VMB_PANTHOR_GROUP_PRIORITY_MEDIUM = 1,
	VMB_PANTHOR_GROUP_PRIORITY_HIGH = 2, /* with CAP_SYS_NICE */
	VMB_PANTHOR_GROUP_PRIORITY_REALTIME = 3, /* with CAP_SYS_NICE; from 1.2 */
};

struct vmb_panthor_queue_create {
	uint8_t priority; /* 0 to 15 */
	uint8_t pad[3];
	uint32_t ringbuf_size;
};

struct vmb_panthor_group_create {
	struct vmb_panthor_obj_array queues; /* of vmb_panthor_queue_create */
	uint8_t max_compute_cores;
	uint8_t max_fragment_cores;
	uint8_t max_tiler_cores;
	uint8_t priority;
	uint32_t pad;
	uint64_t compute_core_mask;
	uint64_t fragment_core_mask;
	uint64_t tiler_core_mask;
	uint32_t vm_id;
	uint32_t group_handle; /* returned */
};

struct vmb_panthor_group_destroy {
	uint32_t group_handle;
	uint32_t pad;
};

/* A submit without a stream (address and size 0) only synchronizes. */
struct vmb_panthor_queue_submit {
	uint32_t queue_index;
	uint32_t stream_size;
	uint64_t stream_addr;
	uint32_t latest_flush;
	uint32_t pad;
	struct vmb_panthor_obj_array syncs; /* of vmb_panthor_sync_op */
};

struct vmb_panthor_group_submit {
	uint32_t group_handle;
	uint32_t pad;
	struct vmb_panthor_obj_array queue_submits; /* of vmb_panthor_queue_submit */
};

struct vmb_panthor_group_get_state {
	uint32_t group_handle;
	uint32_t state; /* returned, as is fatal_queues */
	uint32_t fatal_queues;
	uint32_t pad;
};

struct vmb_panthor_tiler_heap_create {
	uint32_t vm_id;
	uint32_t initial_chunk_count;
	uint32_t chunk_size;
	uint32_t max_chunks;
	uint32_t target_in_flight;
	uint32_t handle; /* returned, as are the addresses */
	uint64_t tiler_heap_ctx_gpu_va;
	uint64_t first_heap_chunk_gpu_va;
};

struct vmb_panthor_tiler_heap_destroy {
	uint32_t handle;
	uint32_t pad;
};

/* from 1.4 */
struct vmb_panthor_bo_set_label {
	uint32_t handle;
	uint32_t pad;
	uint64_t label; /* pointer to a string; 0 takes the label away */
};

/* from 1.5 */
struct vmb_panthor_set_user_mmio_offset {
	uint64_t offset;
};

enum {
	VMB_PANTHOR_BO_SYNC_FLUSH = 0,
	VMB_PANTHOR_BO_SYNC_FLUSH_AND_INVALIDATE = 1,
};

struct vmb_panthor_bo_sync_op {
	uint32_t handle;
	uint32_t type;
	uint64_t offset;
	uint64_t size;
};

/* from 1.7 */
struct vmb_panthor_bo_sync {
	struct vmb_panthor_obj_array ops; /* of vmb_panthor_bo_sync_op */
};

#define VMB_PANTHOR_BO_IS_IMPORTED (UINT32_C(1) << 0)

/* from 1.7 */
struct vmb_panthor_bo_query_info {
	uint32_t handle;
	uint32_t extra_flags; /* all below are returned */
	uint32_t create_flags;
	uint32_t pad;
};

#define VMB_PANTHOR_IOWR(nr, type) VMB_DRM_IOWR(VMB_DRM_COMMAND_BASE + (nr), struct type)

#define VMB_IOCTL_PANTHOR_DEV_QUERY VMB_PANTHOR_IOWR(0x00, vmb_panthor_dev_query)
#define VMB_IOCTL_PANTHOR_VM_CREATE VMB_PANTHOR_IOWR(0x01, vmb_panthor_vm_create)
#define VMB_IOCTL_PANTHOR_VM_DESTROY VMB_PANTHOR_IOWR(0x02, vmb_panthor_vm_destroy)
#define VMB_IOCTL_PANTHOR_VM_BIND VMB_PANTHOR_IOWR(0x03, vmb_panthor_vm_bind)
#define VMB_IOCTL_PANTHOR_VM_GET_STATE VMB_PANTHOR_IOWR(0x04, vmb_panthor_vm_get_state)
#define VMB_IOCTL_PANTHOR_BO_CREATE VMB_PANTHOR_IOWR(0x05, vmb_panthor_bo_create)
#define VMB_IOCTL_PANTHOR_BO_MMAP_OFFSET VMB_PANTHOR_IOWR(0x06, vmb_panthor_bo_mmap_offset)
#define VMB_IOCTL_PANTHOR_GROUP_CREATE VMB_PANTHOR_IOWR(0x07, vmb_panthor_group_create)
#define VMB_IOCTL_PANTHOR_GROUP_DESTROY VMB_PANTHOR_IOWR(0x08, vmb_panthor_group_destroy)
#define VMB_IOCTL_PANTHOR_GROUP_SUBMIT VMB_PANTHOR_IOWR(0x09, vmb_panthor_group_submit)
#define VMB_IOCTL_PANTHOR_GROUP_GET_STATE VMB_PANTHOR_IOWR(0x0a, vmb_panthor_group_get_state)
#define VMB_IOCTL_PANTHOR_TILER_HEAP_CREATE VMB_PANTHOR_IOWR(0x0b, vmb_panthor_tiler_heap_create)
#define VMB_IOCTL_PANTHOR_TILER_HEAP_DESTROY VMB_PANTHOR_IOWR(0x0c, vmb_panthor_tiler_heap_destroy)
#define VMB_IOCTL_PANTHOR_BO_SET_LABEL VMB_PANTHOR_IOWR(0x0d, vmb_panthor_bo_set_label)
#define VMB_IOCTL_PANTHOR_SET_USER_MMIO_OFFSET \
	VMB_PANTHOR_IOWR(0x0e, vmb_panthor_set_user_mmio_offset)
#define VMB_IOCTL_PANTHOR_BO_SYNC VMB_PANTHOR_IOWR(0x0f, vmb_panthor_bo_sync)
#define VMB_IOCTL_PANTHOR_BO_QUERY_INFO VMB_PANTHOR_IOWR(0x10, vmb_panthor_bo_query_info)

#endif
