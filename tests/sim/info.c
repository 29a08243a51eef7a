/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "kernel.h"
#include "uapi/panthor.h"
#include "uobj.h"

/* The ioctls that describe the device: panthor on a Mali-G610. */

enum {
	MALI_G610 = 0xa867, /* bits 16 to 31 of gpu_id */
	TIMER_HZ = 24000000,
};

/* drm_copy_field() */
static void copy_field(char *buffer, size_t *length, const char *value)
{
	size_t whole = strlen(value);
	if (buffer) {
		memcpy(buffer, value, whole < *length ? whole : *length);
	}
	*length = whole;
}

int vmb_sim_version(struct vmb_sim_call *call, void *argument)
{
	struct drm_version *args = argument;
	args->version_major = 1;
	args->version_minor = (int32_t)call->sim->minor;
	args->version_patchlevel = 0;
	copy_field(args->name, &args->name_len, "panthor");
	copy_field(args->date, &args->date_len, "0");
	copy_field(args->desc, &args->desc_len, "Panthor DRM driver");
	return 0;
}

int vmb_sim_get_cap(struct vmb_sim_call *call, void *argument)
{
	(void)call;
	struct drm_get_cap *args = argument;
	args->value = 0;
	switch (args->capability) {
	case DRM_CAP_PRIME:
		args->value = DRM_PRIME_CAP_IMPORT | DRM_PRIME_CAP_EXPORT;
		return 0;
	case DRM_CAP_TIMESTAMP_MONOTONIC:
	case DRM_CAP_SYNCOBJ:
	case DRM_CAP_SYNCOBJ_TIMELINE:
		args->value = 1;
		return 0;
	default:
		/* All other capabilities belong to mode-setting drivers. */
		return -EOPNOTSUPP;
	}
}

static int write_info(struct drm_panthor_dev_query *args, const void *info, size_t min, size_t size)
{
	if (!args->pointer) {
		args->size = (uint32_t)size;
		return 0;
	}
	return vmb_sim_uobj_set(args->pointer, args->size, info, min, size);
}

static int gpu_info(struct vmb_sim *sim, struct drm_panthor_dev_query *args)
{
	struct drm_panthor_gpu_info info = {
		.gpu_id = (sim->gpu_id ? sim->gpu_id : MALI_G610) << 16,
		.csf_id = 0x40a0412,
		.l2_features = 0x7120306,
		.tiler_features = 0x809,
		.mem_features = 0x301,
		.mmu_features = 0x2800 | VMB_SIM_VA_BITS,
		.thread_features = 0x4010000,
		.max_threads = 2048,
		.thread_max_workgroup_size = 1024,
		.thread_max_barrier_size = 1024,
		.texture_features = { 0xc1ffff9e },
		.as_present = 0xff,
		.shader_present = 0x50005,
		.l2_present = 1,
		.tiler_present = 1,
	};
	size_t min = offsetof(struct drm_panthor_gpu_info, tiler_present) + sizeof(uint64_t);
	return write_info(args, &info, min, sim->minor >= 7 ? sizeof(info) : min);
}

static int csif_info(struct drm_panthor_dev_query *args)
{
	struct drm_panthor_csif_info info = {
		.csg_slot_count = 8,
		.cs_slot_count = VMB_SIM_MAX_QUEUES,
		.cs_reg_count = 96,
		.scoreboard_slot_count = 8,
		.unpreserved_cs_reg_count = 4,
	};
	return write_info(args, &info, sizeof(info), sizeof(info));
}

static void read_clocks(struct drm_panthor_timestamp_info *info, uint32_t flags)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t nsec = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	if (flags & DRM_PANTHOR_TIMESTAMP_FREQ) {
		info->timestamp_frequency = TIMER_HZ;
	}
	if (flags & DRM_PANTHOR_TIMESTAMP_GPU) {
		info->current_timestamp = nsec / 1000 * (TIMER_HZ / 1000000);
	}
	if (flags & DRM_PANTHOR_TIMESTAMP_GPU_CYCLE_COUNT) {
		info->cycle_count = nsec;
	}
	if (flags & DRM_PANTHOR_TIMESTAMP_CPU_TYPE_MASK) {
		info->cpu_timestamp_sec = (uint64_t)now.tv_sec;
		info->cpu_timestamp_nsec = (uint64_t)now.tv_nsec;
	}
}

static int timestamp_info(struct vmb_sim *sim, struct drm_panthor_dev_query *args)
{
	size_t min = offsetof(struct drm_panthor_timestamp_info, timestamp_offset);
	size_t size = sim->minor >= 8 ? sizeof(struct drm_panthor_timestamp_info)
				      : offsetof(struct drm_panthor_timestamp_info, flags);
	struct drm_panthor_timestamp_info info = { 0 };
	uint32_t flags = 0;
	if (args->pointer && sim->minor >= 8) {
		int result = vmb_sim_uobj_get(&info, sizeof(info), args->pointer, args->size);
		if (result) {
			return result;
		}
		flags = info.flags;
	}
	uint32_t cpu = flags & DRM_PANTHOR_TIMESTAMP_CPU_TYPE_MASK;
	uint32_t known = DRM_PANTHOR_TIMESTAMP_GPU | DRM_PANTHOR_TIMESTAMP_CPU_TYPE_MASK |
		DRM_PANTHOR_TIMESTAMP_GPU_OFFSET | DRM_PANTHOR_TIMESTAMP_GPU_CYCLE_COUNT |
		DRM_PANTHOR_TIMESTAMP_FREQ | DRM_PANTHOR_TIMESTAMP_DURATION;
	if ((flags & ~known) || cpu > DRM_PANTHOR_TIMESTAMP_CPU_MONOTONIC_RAW) {
		return -EINVAL;
	}
	if (!flags) {
		flags = DRM_PANTHOR_TIMESTAMP_GPU | DRM_PANTHOR_TIMESTAMP_GPU_OFFSET |
			DRM_PANTHOR_TIMESTAMP_FREQ;
	}
	info = (struct drm_panthor_timestamp_info){ .flags = info.flags };
	read_clocks(&info, flags);
	return write_info(args, &info, min, size);
}

int vmb_sim_dev_query(struct vmb_sim_call *call, void *argument)
{
	struct drm_panthor_dev_query *args = argument;
	struct vmb_sim *sim = call->sim;
	struct drm_panthor_group_priorities_info priorities = {
		.allowed_mask = 1 << PANTHOR_GROUP_PRIORITY_LOW |
			1 << PANTHOR_GROUP_PRIORITY_MEDIUM,
	};
	struct drm_panthor_mmu_info mmu = { .page_size_bitmap = 0x201000 };

	if (args->type == DRM_PANTHOR_DEV_QUERY_GPU_INFO) {
		return gpu_info(sim, args);
	}
	if (args->type == DRM_PANTHOR_DEV_QUERY_CSIF_INFO) {
		return csif_info(args);
	}
	if (args->type == DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO && sim->minor >= 1) {
		return timestamp_info(sim, args);
	}
	if (args->type == DRM_PANTHOR_DEV_QUERY_GROUP_PRIORITIES_INFO && sim->minor >= 2) {
		return write_info(args, &priorities, sizeof(priorities), sizeof(priorities));
	}
	if (args->type == DRM_PANTHOR_DEV_QUERY_MMU_INFO && sim->minor >= 9) {
		return write_info(args, &mmu, sizeof(mmu), sizeof(mmu));
	}
	return -EINVAL;
}
