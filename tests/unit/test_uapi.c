/* SPDX-License-Identifier: MIT */
/*
 * Compares include/uapi/ with the kernel's own headers: sizes, offsets and values. Built by test_uapi_run, when it runs, with
 * headers that are new enough.
 */
#include <drm/drm.h>
#include <drm/panthor_drm.h>
#include <drm/virtgpu_drm.h>
#include <stdio.h>

#include "uapi/drm.h"
#include "uapi/panthor.h"
#include "uapi/virtgpu.h"

static int failures;
static const char *current;
static size_t listed;

static void expect(const char *what, unsigned long long ours, unsigned long long theirs)
{
	if (ours != theirs) {
		fprintf(stderr, "%s%s%s: ours %#llx, the kernel's %#llx\n", current ? current : "",
			current ? " " : "", what, ours, theirs);
		failures++;
	}
}

static void expect_true(const char *what, int truth)
{
	if (!truth) {
		fprintf(stderr, "%s %s\n", current, what);
		failures++;
	}
}

static void end_of_struct(size_t size)
{
	/* A member that is not listed would not be compared; one that is padded differs on other ABIs. */
	expect_true("has padding, or members that this test does not list", listed == size);
}

#define MEMBER(name) \
	do { \
		expect(#name " (offset)", offsetof(ours, name), offsetof(theirs, name)); \
		expect(#name " (size)", sizeof(((ours *)0)->name), sizeof(((theirs *)0)->name)); \
		listed += sizeof(((ours *)0)->name); \
	} while (0)

/* A 64-bit member has to be where every ABI would put it, those that align it to 4 bytes too. */
#define MEMBER64(name) \
	do { \
		MEMBER(name); \
		expect_true(#name " is not aligned to 8", offsetof(ours, name) % 8 == 0); \
	} while (0)

#define STRUCT(our_name, their_name, ...) \
	static void compare_##our_name(void) \
	{ \
		typedef struct our_name ours; \
		typedef struct their_name theirs; \
		current = #our_name; \
		listed = 0; \
		expect("size", sizeof(ours), sizeof(theirs)); \
		__VA_ARGS__; \
	}

#define WHOLE_STRUCT(our_name, their_name, ...) \
	STRUCT(our_name, their_name, __VA_ARGS__; end_of_struct(sizeof(ours)))

#define DRM(name, ...) WHOLE_STRUCT(vmb_drm_##name, drm_##name, __VA_ARGS__)
#define PANTHOR(name, ...) WHOLE_STRUCT(vmb_panthor_##name, drm_panthor_##name, __VA_ARGS__)
#define VIRTGPU(name, ...) WHOLE_STRUCT(vmb_virtgpu_##name, drm_virtgpu_##name, __VA_ARGS__)

/* clang-format off */
STRUCT(vmb_drm_version, drm_version,
	MEMBER(version_major); MEMBER(version_minor); MEMBER(version_patchlevel);
	MEMBER(name_len); MEMBER(name); MEMBER(date_len); MEMBER(date); MEMBER(desc_len); MEMBER(desc))
DRM(gem_close, MEMBER(handle); MEMBER(pad))
DRM(get_cap, MEMBER64(capability); MEMBER64(value))
DRM(prime_handle, MEMBER(handle); MEMBER(flags); MEMBER(fd))
DRM(syncobj_create, MEMBER(handle); MEMBER(flags))
DRM(syncobj_destroy, MEMBER(handle); MEMBER(pad))
DRM(syncobj_handle, MEMBER(handle); MEMBER(flags); MEMBER(fd); MEMBER(pad); MEMBER64(point))
DRM(syncobj_wait,
	MEMBER64(handles); MEMBER64(timeout_nsec); MEMBER(count_handles); MEMBER(flags);
	MEMBER(first_signaled); MEMBER(pad); MEMBER64(deadline_nsec))
DRM(syncobj_timeline_wait,
	MEMBER64(handles); MEMBER64(points); MEMBER64(timeout_nsec); MEMBER(count_handles); MEMBER(flags);
	MEMBER(first_signaled); MEMBER(pad); MEMBER64(deadline_nsec))
DRM(syncobj_array, MEMBER64(handles); MEMBER(count_handles); MEMBER(pad))
DRM(syncobj_timeline_array, MEMBER64(handles); MEMBER64(points); MEMBER(count_handles); MEMBER(flags))
DRM(syncobj_transfer,
	MEMBER(src_handle); MEMBER(dst_handle); MEMBER64(src_point); MEMBER64(dst_point); MEMBER(flags); MEMBER(pad))

PANTHOR(obj_array, MEMBER(stride); MEMBER(count); MEMBER64(array))
PANTHOR(sync_op, MEMBER(flags); MEMBER(handle); MEMBER64(timeline_value))
PANTHOR(dev_query, MEMBER(type); MEMBER(size); MEMBER64(pointer))
PANTHOR(gpu_info,
	MEMBER(gpu_id); MEMBER(gpu_rev); MEMBER(csf_id); MEMBER(l2_features); MEMBER(tiler_features); MEMBER(mem_features);
	MEMBER(mmu_features); MEMBER(thread_features); MEMBER(max_threads); MEMBER(thread_max_workgroup_size);
	MEMBER(thread_max_barrier_size); MEMBER(coherency_features); MEMBER(texture_features); MEMBER(as_present);
	MEMBER(selected_coherency); MEMBER64(shader_present); MEMBER64(l2_present); MEMBER64(tiler_present);
	MEMBER(core_features); MEMBER(pad); MEMBER64(gpu_features))
PANTHOR(csif_info,
	MEMBER(csg_slot_count); MEMBER(cs_slot_count); MEMBER(cs_reg_count); MEMBER(scoreboard_slot_count);
	MEMBER(unpreserved_cs_reg_count); MEMBER(pad))
PANTHOR(timestamp_info,
	MEMBER64(timestamp_frequency); MEMBER64(current_timestamp); MEMBER64(timestamp_offset); MEMBER(flags);
	MEMBER(duration_nsec); MEMBER64(cycle_count); MEMBER64(cpu_timestamp_sec); MEMBER64(cpu_timestamp_nsec))
PANTHOR(group_priorities_info, MEMBER(allowed_mask); MEMBER(pad))
PANTHOR(mmu_info, MEMBER64(page_size_bitmap))
PANTHOR(vm_create, MEMBER(flags); MEMBER(id); MEMBER64(user_va_range))
PANTHOR(vm_destroy, MEMBER(id); MEMBER(pad))
PANTHOR(vm_bind_op, MEMBER(flags); MEMBER(bo_handle); MEMBER64(bo_offset); MEMBER64(va); MEMBER64(size); MEMBER64(syncs))
PANTHOR(vm_bind, MEMBER(vm_id); MEMBER(flags); MEMBER64(ops))
PANTHOR(vm_get_state, MEMBER(vm_id); MEMBER(state))
PANTHOR(bo_create, MEMBER64(size); MEMBER(flags); MEMBER(exclusive_vm_id); MEMBER(handle); MEMBER(pad))
PANTHOR(bo_mmap_offset, MEMBER(handle); MEMBER(pad); MEMBER64(offset))
PANTHOR(queue_create, MEMBER(priority); MEMBER(pad); MEMBER(ringbuf_size))
PANTHOR(group_create,
	MEMBER64(queues); MEMBER(max_compute_cores); MEMBER(max_fragment_cores); MEMBER(max_tiler_cores); MEMBER(priority);
	MEMBER(pad); MEMBER64(compute_core_mask); MEMBER64(fragment_core_mask); MEMBER64(tiler_core_mask); MEMBER(vm_id);
	MEMBER(group_handle))
PANTHOR(group_destroy, MEMBER(group_handle); MEMBER(pad))
PANTHOR(queue_submit,
	MEMBER(queue_index); MEMBER(stream_size); MEMBER64(stream_addr); MEMBER(latest_flush); MEMBER(pad); MEMBER64(syncs))
PANTHOR(group_submit, MEMBER(group_handle); MEMBER(pad); MEMBER64(queue_submits))
PANTHOR(group_get_state, MEMBER(group_handle); MEMBER(state); MEMBER(fatal_queues); MEMBER(pad))
PANTHOR(tiler_heap_create,
	MEMBER(vm_id); MEMBER(initial_chunk_count); MEMBER(chunk_size); MEMBER(max_chunks); MEMBER(target_in_flight);
	MEMBER(handle); MEMBER64(tiler_heap_ctx_gpu_va); MEMBER64(first_heap_chunk_gpu_va))
PANTHOR(tiler_heap_destroy, MEMBER(handle); MEMBER(pad))
PANTHOR(bo_set_label, MEMBER(handle); MEMBER(pad); MEMBER64(label))
PANTHOR(set_user_mmio_offset, MEMBER64(offset))
PANTHOR(bo_sync_op, MEMBER(handle); MEMBER(type); MEMBER64(offset); MEMBER64(size))
PANTHOR(bo_sync, MEMBER64(ops))
PANTHOR(bo_query_info, MEMBER(handle); MEMBER(extra_flags); MEMBER(create_flags); MEMBER(pad))

VIRTGPU(map, MEMBER64(offset); MEMBER(handle); MEMBER(pad))
VIRTGPU(getparam, MEMBER64(param); MEMBER64(value))
VIRTGPU(resource_info, MEMBER(bo_handle); MEMBER(res_handle); MEMBER(size); MEMBER(blob_mem))
VIRTGPU(resource_create_blob,
	MEMBER(blob_mem); MEMBER(blob_flags); MEMBER(bo_handle); MEMBER(res_handle); MEMBER64(size); MEMBER(pad);
	MEMBER(cmd_size); MEMBER64(cmd); MEMBER64(blob_id); MEMBER(blob_hints); MEMBER(pad2))
VIRTGPU(context_set_param, MEMBER64(param); MEMBER64(value))
VIRTGPU(context_init, MEMBER(num_params); MEMBER(pad); MEMBER64(ctx_set_params))
/* clang-format on */

static void compare_structs(void)
{
	compare_vmb_drm_version();
	compare_vmb_drm_gem_close();
	compare_vmb_drm_get_cap();
	compare_vmb_drm_prime_handle();
	compare_vmb_drm_syncobj_create();
	compare_vmb_drm_syncobj_destroy();
	compare_vmb_drm_syncobj_handle();
	compare_vmb_drm_syncobj_wait();
	compare_vmb_drm_syncobj_timeline_wait();
	compare_vmb_drm_syncobj_array();
	compare_vmb_drm_syncobj_timeline_array();
	compare_vmb_drm_syncobj_transfer();
	compare_vmb_panthor_obj_array();
	compare_vmb_panthor_sync_op();
	compare_vmb_panthor_dev_query();
	compare_vmb_panthor_gpu_info();
	compare_vmb_panthor_csif_info();
	compare_vmb_panthor_timestamp_info();
	compare_vmb_panthor_group_priorities_info();
	compare_vmb_panthor_mmu_info();
	compare_vmb_panthor_vm_create();
	compare_vmb_panthor_vm_destroy();
	compare_vmb_panthor_vm_bind_op();
	compare_vmb_panthor_vm_bind();
	compare_vmb_panthor_vm_get_state();
	compare_vmb_panthor_bo_create();
	compare_vmb_panthor_bo_mmap_offset();
	compare_vmb_panthor_queue_create();
	compare_vmb_panthor_group_create();
	compare_vmb_panthor_group_destroy();
	compare_vmb_panthor_queue_submit();
	compare_vmb_panthor_group_submit();
	compare_vmb_panthor_group_get_state();
	compare_vmb_panthor_tiler_heap_create();
	compare_vmb_panthor_tiler_heap_destroy();
	compare_vmb_panthor_bo_set_label();
	compare_vmb_panthor_set_user_mmio_offset();
	compare_vmb_panthor_bo_sync_op();
	compare_vmb_panthor_bo_sync();
	compare_vmb_panthor_bo_query_info();
	compare_vmb_virtgpu_map();
	compare_vmb_virtgpu_getparam();
	compare_vmb_virtgpu_resource_info();
	compare_vmb_virtgpu_resource_create_blob();
	compare_vmb_virtgpu_context_set_param();
	compare_vmb_virtgpu_context_init();
	current = NULL;
}

/* All values are of at most 32 bits; the kernel's enums make some of them negative. */
#define VALUE(ours, theirs) expect(#ours, (uint32_t)(ours), (uint32_t)(theirs))
#define REQUEST(name) VALUE(VMB_IOCTL_##name, DRM_IOCTL_##name)

static void compare_drm_values(void)
{
	VALUE(VMB_DRM_IOCTL_TYPE, DRM_IOCTL_BASE);
	VALUE(VMB_DRM_COMMAND_BASE, DRM_COMMAND_BASE);
	VALUE(VMB_DRM_COMMAND_END, DRM_COMMAND_END);
	VALUE(VMB_DRM_CAP_PRIME, DRM_CAP_PRIME);
	VALUE(VMB_DRM_CAP_TIMESTAMP_MONOTONIC, DRM_CAP_TIMESTAMP_MONOTONIC);
	VALUE(VMB_DRM_CAP_SYNCOBJ, DRM_CAP_SYNCOBJ);
	VALUE(VMB_DRM_CAP_SYNCOBJ_TIMELINE, DRM_CAP_SYNCOBJ_TIMELINE);
	VALUE(VMB_DRM_PRIME_CAP_IMPORT, DRM_PRIME_CAP_IMPORT);
	VALUE(VMB_DRM_PRIME_CAP_EXPORT, DRM_PRIME_CAP_EXPORT);
	VALUE(VMB_DRM_SYNCOBJ_CREATE_SIGNALED, DRM_SYNCOBJ_CREATE_SIGNALED);
	VALUE(VMB_DRM_SYNCOBJ_FD_TO_HANDLE_IMPORT_SYNC_FILE,
		DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE);
	VALUE(VMB_DRM_SYNCOBJ_FD_TO_HANDLE_TIMELINE, DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_TIMELINE);
	VALUE(VMB_DRM_SYNCOBJ_HANDLE_TO_FD_EXPORT_SYNC_FILE,
		DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE);
	VALUE(VMB_DRM_SYNCOBJ_HANDLE_TO_FD_TIMELINE, DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_TIMELINE);
	VALUE(VMB_DRM_SYNCOBJ_WAIT_ALL, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL);
	VALUE(VMB_DRM_SYNCOBJ_WAIT_FOR_SUBMIT, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT);
	VALUE(VMB_DRM_SYNCOBJ_WAIT_AVAILABLE, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE);
	VALUE(VMB_DRM_SYNCOBJ_WAIT_DEADLINE, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_DEADLINE);
	VALUE(VMB_DRM_SYNCOBJ_QUERY_LAST_SUBMITTED, DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED);

	REQUEST(VERSION);
	REQUEST(GEM_CLOSE);
	REQUEST(GET_CAP);
	REQUEST(PRIME_HANDLE_TO_FD);
	REQUEST(PRIME_FD_TO_HANDLE);
	REQUEST(SYNCOBJ_CREATE);
	REQUEST(SYNCOBJ_DESTROY);
	REQUEST(SYNCOBJ_HANDLE_TO_FD);
	REQUEST(SYNCOBJ_FD_TO_HANDLE);
	REQUEST(SYNCOBJ_WAIT);
	REQUEST(SYNCOBJ_RESET);
	REQUEST(SYNCOBJ_SIGNAL);
	REQUEST(SYNCOBJ_TIMELINE_WAIT);
	REQUEST(SYNCOBJ_QUERY);
	REQUEST(SYNCOBJ_TRANSFER);
	REQUEST(SYNCOBJ_TIMELINE_SIGNAL);
}

static void compare_panthor_values(void)
{
	VALUE(VMB_PANTHOR_SYNC_OP_TYPE_MASK, DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_MASK);
	VALUE(VMB_PANTHOR_SYNC_OP_SYNCOBJ, DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_SYNCOBJ);
	VALUE(VMB_PANTHOR_SYNC_OP_TIMELINE_SYNCOBJ,
		DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_TIMELINE_SYNCOBJ);
	VALUE(VMB_PANTHOR_SYNC_OP_WAIT, DRM_PANTHOR_SYNC_OP_WAIT);
	VALUE(VMB_PANTHOR_SYNC_OP_SIGNAL, DRM_PANTHOR_SYNC_OP_SIGNAL);
	VALUE(VMB_PANTHOR_DEV_QUERY_GPU_INFO, DRM_PANTHOR_DEV_QUERY_GPU_INFO);
	VALUE(VMB_PANTHOR_DEV_QUERY_CSIF_INFO, DRM_PANTHOR_DEV_QUERY_CSIF_INFO);
	VALUE(VMB_PANTHOR_DEV_QUERY_TIMESTAMP_INFO, DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO);
	VALUE(VMB_PANTHOR_DEV_QUERY_GROUP_PRIORITIES_INFO,
		DRM_PANTHOR_DEV_QUERY_GROUP_PRIORITIES_INFO);
	VALUE(VMB_PANTHOR_DEV_QUERY_MMU_INFO, DRM_PANTHOR_DEV_QUERY_MMU_INFO);
	VALUE(VMB_PANTHOR_TIMESTAMP_GPU, DRM_PANTHOR_TIMESTAMP_GPU);
	VALUE(VMB_PANTHOR_TIMESTAMP_CPU_MONOTONIC, DRM_PANTHOR_TIMESTAMP_CPU_MONOTONIC);
	VALUE(VMB_PANTHOR_TIMESTAMP_CPU_MONOTONIC_RAW, DRM_PANTHOR_TIMESTAMP_CPU_MONOTONIC_RAW);
	VALUE(VMB_PANTHOR_TIMESTAMP_CPU_TYPE_MASK, DRM_PANTHOR_TIMESTAMP_CPU_TYPE_MASK);
	VALUE(VMB_PANTHOR_TIMESTAMP_GPU_OFFSET, DRM_PANTHOR_TIMESTAMP_GPU_OFFSET);
	VALUE(VMB_PANTHOR_TIMESTAMP_GPU_CYCLE_COUNT, DRM_PANTHOR_TIMESTAMP_GPU_CYCLE_COUNT);
	VALUE(VMB_PANTHOR_TIMESTAMP_FREQ, DRM_PANTHOR_TIMESTAMP_FREQ);
	VALUE(VMB_PANTHOR_TIMESTAMP_DURATION, DRM_PANTHOR_TIMESTAMP_DURATION);
	VALUE(VMB_PANTHOR_VM_BIND_OP_READONLY, DRM_PANTHOR_VM_BIND_OP_MAP_READONLY);
	VALUE(VMB_PANTHOR_VM_BIND_OP_NOEXEC, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
	VALUE(VMB_PANTHOR_VM_BIND_OP_UNCACHED, DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED);
	VALUE(VMB_PANTHOR_VM_BIND_OP_SPARSE, DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE);
	VALUE(VMB_PANTHOR_VM_BIND_OP_TYPE_MASK, DRM_PANTHOR_VM_BIND_OP_TYPE_MASK);
	VALUE(VMB_PANTHOR_VM_BIND_OP_MAP, DRM_PANTHOR_VM_BIND_OP_TYPE_MAP);
	VALUE(VMB_PANTHOR_VM_BIND_OP_UNMAP, DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP);
	VALUE(VMB_PANTHOR_VM_BIND_OP_SYNC_ONLY, DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY);
	VALUE(VMB_PANTHOR_VM_BIND_ASYNC, DRM_PANTHOR_VM_BIND_ASYNC);
	VALUE(VMB_PANTHOR_VM_USABLE, DRM_PANTHOR_VM_STATE_USABLE);
	VALUE(VMB_PANTHOR_VM_UNUSABLE, DRM_PANTHOR_VM_STATE_UNUSABLE);
	VALUE(VMB_PANTHOR_BO_NO_MMAP, DRM_PANTHOR_BO_NO_MMAP);
	VALUE(VMB_PANTHOR_BO_WB_MMAP, DRM_PANTHOR_BO_WB_MMAP);
	VALUE(VMB_PANTHOR_GROUP_PRIORITY_LOW, PANTHOR_GROUP_PRIORITY_LOW);
	VALUE(VMB_PANTHOR_GROUP_PRIORITY_MEDIUM, PANTHOR_GROUP_PRIORITY_MEDIUM);
	VALUE(VMB_PANTHOR_GROUP_PRIORITY_HIGH, PANTHOR_GROUP_PRIORITY_HIGH);
	VALUE(VMB_PANTHOR_GROUP_PRIORITY_REALTIME, PANTHOR_GROUP_PRIORITY_REALTIME);
	VALUE(VMB_PANTHOR_BO_SYNC_FLUSH, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH);
	VALUE(VMB_PANTHOR_BO_SYNC_FLUSH_AND_INVALIDATE,
		DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE);
	VALUE(VMB_PANTHOR_BO_IS_IMPORTED, DRM_PANTHOR_BO_IS_IMPORTED);
	expect("VMB_PANTHOR_USER_MMIO_OFFSET_32BIT", VMB_PANTHOR_USER_MMIO_OFFSET_32BIT,
		DRM_PANTHOR_USER_MMIO_OFFSET_32BIT);
	expect("VMB_PANTHOR_USER_MMIO_OFFSET_64BIT", VMB_PANTHOR_USER_MMIO_OFFSET_64BIT,
		DRM_PANTHOR_USER_MMIO_OFFSET_64BIT);

	REQUEST(PANTHOR_DEV_QUERY);
	REQUEST(PANTHOR_VM_CREATE);
	REQUEST(PANTHOR_VM_DESTROY);
	REQUEST(PANTHOR_VM_BIND);
	REQUEST(PANTHOR_VM_GET_STATE);
	REQUEST(PANTHOR_BO_CREATE);
	REQUEST(PANTHOR_BO_MMAP_OFFSET);
	REQUEST(PANTHOR_GROUP_CREATE);
	REQUEST(PANTHOR_GROUP_DESTROY);
	REQUEST(PANTHOR_GROUP_SUBMIT);
	REQUEST(PANTHOR_GROUP_GET_STATE);
	REQUEST(PANTHOR_TILER_HEAP_CREATE);
	REQUEST(PANTHOR_TILER_HEAP_DESTROY);
	REQUEST(PANTHOR_BO_SET_LABEL);
	REQUEST(PANTHOR_SET_USER_MMIO_OFFSET);
	REQUEST(PANTHOR_BO_SYNC);
	REQUEST(PANTHOR_BO_QUERY_INFO);
}

static void compare_virtgpu_values(void)
{
	VALUE(VMB_VIRTGPU_PARAM_RESOURCE_BLOB, VIRTGPU_PARAM_RESOURCE_BLOB);
	VALUE(VMB_VIRTGPU_PARAM_HOST_VISIBLE, VIRTGPU_PARAM_HOST_VISIBLE);
	VALUE(VMB_VIRTGPU_PARAM_CROSS_DEVICE, VIRTGPU_PARAM_CROSS_DEVICE);
	VALUE(VMB_VIRTGPU_PARAM_CONTEXT_INIT, VIRTGPU_PARAM_CONTEXT_INIT);
	VALUE(VMB_VIRTGPU_PARAM_SUPPORTED_CAPSETS, VIRTGPU_PARAM_SUPPORTED_CAPSET_IDs);
	VALUE(VMB_VIRTGPU_PARAM_BLOB_ALIGNMENT, VIRTGPU_PARAM_BLOB_ALIGNMENT);
	VALUE(VMB_VIRTGPU_BLOB_MEM_GUEST, VIRTGPU_BLOB_MEM_GUEST);
	VALUE(VMB_VIRTGPU_BLOB_MEM_HOST3D, VIRTGPU_BLOB_MEM_HOST3D);
	VALUE(VMB_VIRTGPU_BLOB_MEM_HOST3D_GUEST, VIRTGPU_BLOB_MEM_HOST3D_GUEST);
	VALUE(VMB_VIRTGPU_BLOB_USE_MAPPABLE, VIRTGPU_BLOB_FLAG_USE_MAPPABLE);
	VALUE(VMB_VIRTGPU_BLOB_USE_SHAREABLE, VIRTGPU_BLOB_FLAG_USE_SHAREABLE);
	VALUE(VMB_VIRTGPU_BLOB_USE_CROSS_DEVICE, VIRTGPU_BLOB_FLAG_USE_CROSS_DEVICE);
	VALUE(VMB_VIRTGPU_BLOB_HINT_DEFER_MAPPING, DRM_VIRTGPU_BLOB_FLAG_HINT_DEFER_MAPPING);
	VALUE(VMB_VIRTGPU_CONTEXT_PARAM_CAPSET_ID, VIRTGPU_CONTEXT_PARAM_CAPSET_ID);
	VALUE(VMB_VIRTGPU_CONTEXT_PARAM_NUM_RINGS, VIRTGPU_CONTEXT_PARAM_NUM_RINGS);
	VALUE(VMB_VIRTGPU_CONTEXT_PARAM_POLL_RINGS_MASK, VIRTGPU_CONTEXT_PARAM_POLL_RINGS_MASK);
	VALUE(VMB_VIRTGPU_CAPSET_VENUS, VIRTGPU_DRM_CAPSET_VENUS);
	VALUE(VMB_VIRTGPU_CAPSET_DRM, VIRTGPU_DRM_CAPSET_DRM);

	REQUEST(VIRTGPU_MAP);
	REQUEST(VIRTGPU_GETPARAM);
	REQUEST(VIRTGPU_RESOURCE_INFO);
	REQUEST(VIRTGPU_RESOURCE_CREATE_BLOB);
	REQUEST(VIRTGPU_CONTEXT_INIT);
}

int main(void)
{
	compare_structs();
	compare_drm_values();
	compare_panthor_values();
	compare_virtgpu_values();
	return failures != 0;
}
