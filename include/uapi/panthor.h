/* SPDX-License-Identifier: MIT */
#ifndef VMB_UAPI_PANTHOR_H
#define VMB_UAPI_PANTHOR_H

#include <stdint.h>

#include "drm.h"

/*
 * The user-space interface of the kernel driver panthor up to version 1.9 (Linux 7.3). Names,
 * layouts and request numbers are the kernel's. tests/unit/test_uapi.c compares each with the
 * kernel's header.
 *
 * "from 1.x" names the first driver version that has the request, flag or member. An older version
 * rejects a value other than 0 with EINVAL. pad members must be 0. No compiler adds padding, also
 * on 32-bit systems: 64-bit members start at multiples of 8.
 */

/*
 * An array of structs whose size the caller chooses. A shorter struct than the driver's is extended
 * with zeros; a struct shorter than the first version of the struct gives EINVAL. A longer struct
 * gives E2BIG if a byte that the driver does not know is not 0.
 */
struct drm_panthor_obj_array {
	uint32_t stride; /* bytes between the starts of two elements */
	uint32_t count;
	uint64_t array; /* pointer */
};

#define DRM_PANTHOR_OBJ_ARRAY(n, pointer) \
	{ \
		.stride = sizeof((pointer)[0]), .count = (n), .array = (uintptr_t)(pointer) \
	}

#define DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_MASK UINT32_C(0xff)
#define DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_SYNCOBJ UINT32_C(0)
#define DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_TIMELINE_SYNCOBJ UINT32_C(1)
#define DRM_PANTHOR_SYNC_OP_WAIT UINT32_C(0)
#define DRM_PANTHOR_SYNC_OP_SIGNAL (UINT32_C(1) << 31)

struct drm_panthor_sync_op {
	uint32_t flags;
	uint32_t handle; /* syncobj */
	uint64_t timeline_value; /* must be 0 for a binary syncobj */
};

enum {
	DRM_PANTHOR_DEV_QUERY_GPU_INFO = 0,
	DRM_PANTHOR_DEV_QUERY_CSIF_INFO = 1,
	DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO = 2, /* from 1.1 */
	DRM_PANTHOR_DEV_QUERY_GROUP_PRIORITIES_INFO = 3, /* from 1.2 */
	DRM_PANTHOR_DEV_QUERY_MMU_INFO = 4, /* from 1.9 */
};

struct drm_panthor_dev_query {
	uint32_t type;
	/* bytes at pointer; returns the bytes written, or the driver's size if pointer is NULL */
	uint32_t size;
	uint64_t pointer;
};

struct drm_panthor_gpu_info {
	uint32_t gpu_id;
	uint32_t gpu_rev;
	uint32_t csf_id;
	uint32_t l2_features;
	uint32_t tiler_features;
	uint32_t mem_features;
	uint32_t mmu_features; /* bits 0 to 7: width of a virtual address */
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
	uint32_t core_features; /* this and all below: not in every 1.x */
	uint32_t pad;
	uint64_t gpu_features;
};

struct drm_panthor_csif_info {
	uint32_t csg_slot_count;
	uint32_t cs_slot_count;
	uint32_t cs_reg_count;
	uint32_t scoreboard_slot_count;
	uint32_t unpreserved_cs_reg_count;
	uint32_t pad;
};

#define DRM_PANTHOR_TIMESTAMP_GPU (UINT32_C(1) << 0)
#define DRM_PANTHOR_TIMESTAMP_CPU_MONOTONIC (UINT32_C(1) << 1)
#define DRM_PANTHOR_TIMESTAMP_CPU_MONOTONIC_RAW (UINT32_C(2) << 1)
#define DRM_PANTHOR_TIMESTAMP_CPU_TYPE_MASK (UINT32_C(7) << 1)
#define DRM_PANTHOR_TIMESTAMP_GPU_OFFSET (UINT32_C(1) << 4)
#define DRM_PANTHOR_TIMESTAMP_GPU_CYCLE_COUNT (UINT32_C(1) << 5)
#define DRM_PANTHOR_TIMESTAMP_FREQ (UINT32_C(1) << 6)
#define DRM_PANTHOR_TIMESTAMP_DURATION (UINT32_C(1) << 7)

struct drm_panthor_timestamp_info {
	uint64_t timestamp_frequency;
	uint64_t current_timestamp;
	uint64_t timestamp_offset;
	uint32_t flags; /* this and all below: from 1.8; 0 means GPU | GPU_OFFSET | FREQ */
	uint32_t duration_nsec;
	uint64_t cycle_count;
	uint64_t cpu_timestamp_sec;
	uint64_t cpu_timestamp_nsec;
};

struct drm_panthor_group_priorities_info {
	uint8_t allowed_mask; /* bit 1 << priority */
	uint8_t pad[3];
};

struct drm_panthor_mmu_info {
	uint64_t page_size_bitmap;
};

struct drm_panthor_vm_create {
	uint32_t flags; /* must be 0 */
	uint32_t id; /* returned, not 0 */
	/*
	 * User space owns the addresses below this value, the kernel owns the rest. 0 lets the
	 * driver choose. The driver returns the value that it uses: at least the requested one, and
	 * often much more.
	 */
	uint64_t user_va_range;
};

struct drm_panthor_vm_destroy {
	uint32_t id;
	uint32_t pad;
};

/* flags of a map */
#define DRM_PANTHOR_VM_BIND_OP_MAP_READONLY (UINT32_C(1) << 0)
#define DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC (UINT32_C(1) << 1)
#define DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED (UINT32_C(1) << 2)
/* From 1.9. Reads return undefined values, writes are discarded. Needs NOEXEC, bo_handle 0 and
 * bo_offset 0. */
#define DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE (UINT32_C(1) << 3)

#define DRM_PANTHOR_VM_BIND_OP_TYPE_MASK (UINT32_C(0xf) << 28)
#define DRM_PANTHOR_VM_BIND_OP_TYPE_MAP (UINT32_C(0) << 28)
#define DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP (UINT32_C(1) << 28)
/* Asynchronous only. Needs at least one sync op; every other member must be 0. */
#define DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY (UINT32_C(2) << 28)

/* Addresses, sizes and offsets are multiples of 4 KiB. */
struct drm_panthor_vm_bind_op {
	uint32_t flags;
	uint32_t bo_handle; /* map only */
	uint64_t bo_offset; /* map only */
	uint64_t va;
	uint64_t size;
	struct drm_panthor_obj_array syncs; /* drm_panthor_sync_op; asynchronous only */
};

/* The call returns before the ops run. The ops run in the order of the calls, after their waits. */
#define DRM_PANTHOR_VM_BIND_ASYNC (UINT32_C(1) << 0)

/*
 * The driver executes synchronous ops one by one. If an op fails, ops.count returns its index, and
 * the ops before it stay executed. If an asynchronous op is invalid, the submission fails and
 * executes no op.
 */
struct drm_panthor_vm_bind {
	uint32_t vm_id;
	uint32_t flags;
	struct drm_panthor_obj_array ops; /* drm_panthor_vm_bind_op */
};

enum {
	DRM_PANTHOR_VM_STATE_USABLE = 0,
	DRM_PANTHOR_VM_STATE_UNUSABLE = 1,
};

struct drm_panthor_vm_get_state {
	uint32_t vm_id;
	uint32_t state; /* returned */
};

#define DRM_PANTHOR_BO_NO_MMAP (UINT32_C(1) << 0)
#define DRM_PANTHOR_BO_WB_MMAP (UINT32_C(1) << 1) /* from 1.7 */

struct drm_panthor_bo_create {
	uint64_t size; /* returned: rounded up to whole pages */
	uint32_t flags;
	uint32_t exclusive_vm_id; /* 0: any VM can map the BO, and the BO can be exported */
	uint32_t handle; /* returned, not 0 */
	uint32_t pad;
};

struct drm_panthor_bo_mmap_offset {
	uint32_t handle;
	uint32_t pad;
	uint64_t offset; /* returned */
};

/* mmap() offsets of the registers that user space may read. */
#define DRM_PANTHOR_USER_MMIO_OFFSET_32BIT (UINT64_C(1) << 43)
#define DRM_PANTHOR_USER_MMIO_OFFSET_64BIT (UINT64_C(1) << 56)

enum {
	PANTHOR_GROUP_PRIORITY_LOW = 0,
	PANTHOR_GROUP_PRIORITY_MEDIUM = 1,
	PANTHOR_GROUP_PRIORITY_HIGH = 2, /* needs CAP_SYS_NICE */
	PANTHOR_GROUP_PRIORITY_REALTIME = 3, /* needs CAP_SYS_NICE; from 1.2 */
};

struct drm_panthor_queue_create {
	uint8_t priority; /* 0 to 15 */
	uint8_t pad[3];
	uint32_t ringbuf_size;
};

struct drm_panthor_group_create {
	struct drm_panthor_obj_array queues; /* drm_panthor_queue_create */
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

struct drm_panthor_group_destroy {
	uint32_t group_handle;
	uint32_t pad;
};

/* A submit without a stream (stream_addr and stream_size 0) only runs its sync ops. */
struct drm_panthor_queue_submit {
	uint32_t queue_index;
	uint32_t stream_size;
	uint64_t stream_addr;
	uint32_t latest_flush;
	uint32_t pad;
	struct drm_panthor_obj_array syncs; /* drm_panthor_sync_op */
};

struct drm_panthor_group_submit {
	uint32_t group_handle;
	uint32_t pad;
	struct drm_panthor_obj_array queue_submits; /* drm_panthor_queue_submit */
};

struct drm_panthor_group_get_state {
	uint32_t group_handle;
	uint32_t state; /* returned */
	uint32_t fatal_queues; /* returned */
	uint32_t pad;
};

struct drm_panthor_tiler_heap_create {
	uint32_t vm_id;
	uint32_t initial_chunk_count;
	uint32_t chunk_size;
	uint32_t max_chunks;
	uint32_t target_in_flight;
	uint32_t handle; /* returned */
	uint64_t tiler_heap_ctx_gpu_va; /* returned */
	uint64_t first_heap_chunk_gpu_va; /* returned */
};

struct drm_panthor_tiler_heap_destroy {
	uint32_t handle;
	uint32_t pad;
};

/* from 1.4 */
struct drm_panthor_bo_set_label {
	uint32_t handle;
	uint32_t pad;
	uint64_t label; /* pointer to a string; 0 removes the label */
};

/* from 1.5 */
struct drm_panthor_set_user_mmio_offset {
	uint64_t offset;
};

enum {
	DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH = 0,
	DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE = 1,
};

struct drm_panthor_bo_sync_op {
	uint32_t handle;
	uint32_t type;
	uint64_t offset;
	uint64_t size;
};

/* from 1.7 */
struct drm_panthor_bo_sync {
	struct drm_panthor_obj_array ops; /* drm_panthor_bo_sync_op */
};

#define DRM_PANTHOR_BO_IS_IMPORTED (UINT32_C(1) << 0)

/* from 1.7 */
struct drm_panthor_bo_query_info {
	uint32_t handle;
	uint32_t extra_flags; /* returned */
	uint32_t create_flags; /* returned */
	uint32_t pad;
};

#define DRM_IOCTL_PANTHOR(nr, type) DRM_IOWR(DRM_COMMAND_BASE + (nr), struct drm_panthor_##type)

#define DRM_IOCTL_PANTHOR_DEV_QUERY DRM_IOCTL_PANTHOR(0x00, dev_query)
#define DRM_IOCTL_PANTHOR_VM_CREATE DRM_IOCTL_PANTHOR(0x01, vm_create)
#define DRM_IOCTL_PANTHOR_VM_DESTROY DRM_IOCTL_PANTHOR(0x02, vm_destroy)
#define DRM_IOCTL_PANTHOR_VM_BIND DRM_IOCTL_PANTHOR(0x03, vm_bind)
#define DRM_IOCTL_PANTHOR_VM_GET_STATE DRM_IOCTL_PANTHOR(0x04, vm_get_state)
#define DRM_IOCTL_PANTHOR_BO_CREATE DRM_IOCTL_PANTHOR(0x05, bo_create)
#define DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET DRM_IOCTL_PANTHOR(0x06, bo_mmap_offset)
#define DRM_IOCTL_PANTHOR_GROUP_CREATE DRM_IOCTL_PANTHOR(0x07, group_create)
#define DRM_IOCTL_PANTHOR_GROUP_DESTROY DRM_IOCTL_PANTHOR(0x08, group_destroy)
#define DRM_IOCTL_PANTHOR_GROUP_SUBMIT DRM_IOCTL_PANTHOR(0x09, group_submit)
#define DRM_IOCTL_PANTHOR_GROUP_GET_STATE DRM_IOCTL_PANTHOR(0x0a, group_get_state)
#define DRM_IOCTL_PANTHOR_TILER_HEAP_CREATE DRM_IOCTL_PANTHOR(0x0b, tiler_heap_create)
#define DRM_IOCTL_PANTHOR_TILER_HEAP_DESTROY DRM_IOCTL_PANTHOR(0x0c, tiler_heap_destroy)
#define DRM_IOCTL_PANTHOR_BO_SET_LABEL DRM_IOCTL_PANTHOR(0x0d, bo_set_label)
#define DRM_IOCTL_PANTHOR_SET_USER_MMIO_OFFSET DRM_IOCTL_PANTHOR(0x0e, set_user_mmio_offset)
#define DRM_IOCTL_PANTHOR_BO_SYNC DRM_IOCTL_PANTHOR(0x0f, bo_sync)
#define DRM_IOCTL_PANTHOR_BO_QUERY_INFO DRM_IOCTL_PANTHOR(0x10, bo_query_info)

#endif
