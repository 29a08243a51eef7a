/* SPDX-License-Identifier: MIT */
/*
 * Prints the layout and the values of the kernel interfaces that the layer uses, one per line.
 * test_uapi_run.sh builds this file twice, with include/uapi/ and with the kernel's own headers
 * (-DKERNEL_HEADERS), and compares the two outputs.
 */
#ifdef KERNEL_HEADERS
#include <drm/drm.h>
#include <drm/panthor_drm.h>
#include <drm/virtgpu_drm.h>
#else
#include "uapi/drm.h"
#include "uapi/panthor.h"
#include "uapi/virtgpu.h"
#endif

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

static int failures;
static const char *current;
static size_t listed;

static void expect_true(const char *what, int truth)
{
	if (!truth) {
		fprintf(stderr, "%s %s\n", current, what);
		failures++;
	}
}

static void end_of_struct(size_t size)
{
	/* A member that is not listed is not compared. A padded struct differs on other ABIs. */
	expect_true("has padding, or members that this test does not list", listed == size);
}

#define MEMBER(name) \
	do { \
		printf("%s.%s: offset %zu, size %zu\n", current, #name, offsetof(compared, name), \
			sizeof(((compared *)0)->name)); \
		listed += sizeof(((compared *)0)->name); \
	} while (0)

/* A 64-bit member is aligned to 8 bytes on every ABI, also where the ABI itself aligns it to 4. */
#define MEMBER64(name) \
	do { \
		MEMBER(name); \
		expect_true(#name " is not aligned to 8", offsetof(compared, name) % 8 == 0); \
	} while (0)

#define STRUCT(name, ...) \
	static void print_##name(void) \
	{ \
		typedef struct name compared; \
		current = #name; \
		listed = 0; \
		printf("%s: size %zu\n", current, sizeof(compared)); \
		__VA_ARGS__; \
	}

#define WHOLE_STRUCT(name, ...) STRUCT(name, __VA_ARGS__; end_of_struct(sizeof(compared)))

#define DRM(name, ...) WHOLE_STRUCT(drm_##name, __VA_ARGS__)
#define PANTHOR(name, ...) WHOLE_STRUCT(drm_panthor_##name, __VA_ARGS__)
#define VIRTGPU(name, ...) WHOLE_STRUCT(drm_virtgpu_##name, __VA_ARGS__)

/* clang-format off */
STRUCT(drm_version,
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

static void print_structs(void)
{
	print_drm_version();
	print_drm_gem_close();
	print_drm_get_cap();
	print_drm_prime_handle();
	print_drm_syncobj_create();
	print_drm_syncobj_destroy();
	print_drm_syncobj_handle();
	print_drm_syncobj_wait();
	print_drm_syncobj_timeline_wait();
	print_drm_syncobj_array();
	print_drm_syncobj_timeline_array();
	print_drm_syncobj_transfer();
	print_drm_panthor_obj_array();
	print_drm_panthor_sync_op();
	print_drm_panthor_dev_query();
	print_drm_panthor_gpu_info();
	print_drm_panthor_csif_info();
	print_drm_panthor_timestamp_info();
	print_drm_panthor_group_priorities_info();
	print_drm_panthor_mmu_info();
	print_drm_panthor_vm_create();
	print_drm_panthor_vm_destroy();
	print_drm_panthor_vm_bind_op();
	print_drm_panthor_vm_bind();
	print_drm_panthor_vm_get_state();
	print_drm_panthor_bo_create();
	print_drm_panthor_bo_mmap_offset();
	print_drm_panthor_queue_create();
	print_drm_panthor_group_create();
	print_drm_panthor_group_destroy();
	print_drm_panthor_queue_submit();
	print_drm_panthor_group_submit();
	print_drm_panthor_group_get_state();
	print_drm_panthor_tiler_heap_create();
	print_drm_panthor_tiler_heap_destroy();
	print_drm_panthor_bo_set_label();
	print_drm_panthor_set_user_mmio_offset();
	print_drm_panthor_bo_sync_op();
	print_drm_panthor_bo_sync();
	print_drm_panthor_bo_query_info();
	print_drm_virtgpu_map();
	print_drm_virtgpu_getparam();
	print_drm_virtgpu_resource_info();
	print_drm_virtgpu_resource_create_blob();
	print_drm_virtgpu_context_set_param();
	print_drm_virtgpu_context_init();
	current = NULL;
}

/* Most values have at most 32 bits. Some of the kernel's enumerators are negative. */
#define VALUE(name) printf("%s: %#lx\n", #name, (unsigned long)(uint32_t)(name))
#define VALUE64(name) printf("%s: %#llx\n", #name, (unsigned long long)(name))
#define REQUEST(name) VALUE(DRM_IOCTL_##name)

static void print_drm_values(void)
{
	VALUE(DRM_IOCTL_BASE);
	VALUE(DRM_COMMAND_BASE);
	VALUE(DRM_COMMAND_END);
	VALUE(DRM_CAP_PRIME);
	VALUE(DRM_CAP_TIMESTAMP_MONOTONIC);
	VALUE(DRM_CAP_SYNCOBJ);
	VALUE(DRM_CAP_SYNCOBJ_TIMELINE);
	VALUE(DRM_PRIME_CAP_IMPORT);
	VALUE(DRM_PRIME_CAP_EXPORT);
	VALUE(DRM_SYNCOBJ_CREATE_SIGNALED);
	VALUE(DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE);
	VALUE(DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_TIMELINE);
	VALUE(DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE);
	VALUE(DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_TIMELINE);
	VALUE(DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL);
	VALUE(DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT);
	VALUE(DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE);
	VALUE(DRM_SYNCOBJ_WAIT_FLAGS_WAIT_DEADLINE);
	VALUE(DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED);

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

static void print_panthor_values(void)
{
	VALUE(DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_MASK);
	VALUE(DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_SYNCOBJ);
	VALUE(DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_TIMELINE_SYNCOBJ);
	VALUE(DRM_PANTHOR_SYNC_OP_WAIT);
	VALUE(DRM_PANTHOR_SYNC_OP_SIGNAL);
	VALUE(DRM_PANTHOR_DEV_QUERY_GPU_INFO);
	VALUE(DRM_PANTHOR_DEV_QUERY_CSIF_INFO);
	VALUE(DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO);
	VALUE(DRM_PANTHOR_DEV_QUERY_GROUP_PRIORITIES_INFO);
	VALUE(DRM_PANTHOR_DEV_QUERY_MMU_INFO);
	VALUE(DRM_PANTHOR_TIMESTAMP_GPU);
	VALUE(DRM_PANTHOR_TIMESTAMP_CPU_MONOTONIC);
	VALUE(DRM_PANTHOR_TIMESTAMP_CPU_MONOTONIC_RAW);
	VALUE(DRM_PANTHOR_TIMESTAMP_CPU_TYPE_MASK);
	VALUE(DRM_PANTHOR_TIMESTAMP_GPU_OFFSET);
	VALUE(DRM_PANTHOR_TIMESTAMP_GPU_CYCLE_COUNT);
	VALUE(DRM_PANTHOR_TIMESTAMP_FREQ);
	VALUE(DRM_PANTHOR_TIMESTAMP_DURATION);
	VALUE(DRM_PANTHOR_VM_BIND_OP_MAP_READONLY);
	VALUE(DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
	VALUE(DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED);
	VALUE(DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE);
	VALUE(DRM_PANTHOR_VM_BIND_OP_TYPE_MASK);
	VALUE(DRM_PANTHOR_VM_BIND_OP_TYPE_MAP);
	VALUE(DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP);
	VALUE(DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY);
	VALUE(DRM_PANTHOR_VM_BIND_ASYNC);
	VALUE(DRM_PANTHOR_VM_STATE_USABLE);
	VALUE(DRM_PANTHOR_VM_STATE_UNUSABLE);
	VALUE(DRM_PANTHOR_BO_NO_MMAP);
	VALUE(DRM_PANTHOR_BO_WB_MMAP);
	VALUE(PANTHOR_GROUP_PRIORITY_LOW);
	VALUE(PANTHOR_GROUP_PRIORITY_MEDIUM);
	VALUE(PANTHOR_GROUP_PRIORITY_HIGH);
	VALUE(PANTHOR_GROUP_PRIORITY_REALTIME);
	VALUE(DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH);
	VALUE(DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE);
	VALUE(DRM_PANTHOR_BO_IS_IMPORTED);
	VALUE64(DRM_PANTHOR_USER_MMIO_OFFSET_32BIT);
	VALUE64(DRM_PANTHOR_USER_MMIO_OFFSET_64BIT);

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

static void print_virtgpu_values(void)
{
	VALUE(VIRTGPU_PARAM_RESOURCE_BLOB);
	VALUE(VIRTGPU_PARAM_HOST_VISIBLE);
	VALUE(VIRTGPU_PARAM_CROSS_DEVICE);
	VALUE(VIRTGPU_PARAM_CONTEXT_INIT);
	VALUE(VIRTGPU_PARAM_SUPPORTED_CAPSET_IDs);
	VALUE(VIRTGPU_PARAM_BLOB_ALIGNMENT);
	VALUE(VIRTGPU_BLOB_MEM_GUEST);
	VALUE(VIRTGPU_BLOB_MEM_HOST3D);
	VALUE(VIRTGPU_BLOB_MEM_HOST3D_GUEST);
	VALUE(VIRTGPU_BLOB_FLAG_USE_MAPPABLE);
	VALUE(VIRTGPU_BLOB_FLAG_USE_SHAREABLE);
	VALUE(VIRTGPU_BLOB_FLAG_USE_CROSS_DEVICE);
	VALUE(DRM_VIRTGPU_BLOB_FLAG_HINT_DEFER_MAPPING);
	VALUE(VIRTGPU_CONTEXT_PARAM_CAPSET_ID);
	VALUE(VIRTGPU_CONTEXT_PARAM_NUM_RINGS);
	VALUE(VIRTGPU_CONTEXT_PARAM_POLL_RINGS_MASK);
	VALUE(VIRTGPU_DRM_CAPSET_VENUS);
	VALUE(VIRTGPU_DRM_CAPSET_DRM);

	REQUEST(VIRTGPU_MAP);
	REQUEST(VIRTGPU_GETPARAM);
	REQUEST(VIRTGPU_RESOURCE_INFO);
	REQUEST(VIRTGPU_RESOURCE_CREATE_BLOB);
	REQUEST(VIRTGPU_CONTEXT_INIT);
}

int main(void)
{
	print_structs();
	print_drm_values();
	print_panthor_values();
	print_virtgpu_values();
	return failures != 0;
}
