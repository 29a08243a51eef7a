/* SPDX-License-Identifier: MIT */
#include "stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"
#include "uapi/panthor.h"
#include "uobj.h"
#include "vm.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct vmb_sim_flag_name map_flags[] = {
	{ DRM_PANTHOR_VM_BIND_OP_MAP_READONLY, "readonly" },
	{ DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC, "noexec" },
	{ DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED, "uncached" },
	{ DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE, "sparse" },
};

void vmb_sim_stream_write(struct vmb_sim *sim, struct vmb_sim_text *line)
{
	vmb_sim_text_add(line, "}\n");
	const char *text = line->text;
	size_t left = sim->stream < 0 ? 0 : line->length;
	while (left) {
		ssize_t written = write(sim->stream, text, left);
		if (written < 0 && errno != EINTR) {
			fprintf(stderr, "vmbind_sim: cannot write the op stream: %s\n",
				strerror(errno));
			sim->stream = -1;
			break;
		}
		if (written > 0) {
			text += written;
			left -= (size_t)written;
		}
	}
	vmb_sim_text_finish(line);
}

void vmb_sim_stream_map(
	struct vmb_sim_file *file, uint32_t id, const struct vmb_sim_vm *vm, bool destroyed)
{
	if (file->sim->stream < 0) {
		return;
	}
	struct vmb_sim_text line = { 0 };
	struct vmb_sim_mapping *mappings;
	size_t count = vmb_sim_gpuvm_list(&vm->map, true, &mappings);
	vmb_sim_text_add(&line, "{\"map\":[");
	for (size_t i = 0; i < count; i++) {
		const struct vmb_sim_mapping *mapping = &mappings[i];
		vmb_sim_text_add(&line,
			"%s{\"va\":%" PRIu64 ",\"size\":%" PRIu64 ",\"kind\":\"%s\",\"bo\":%" PRIu32
			",\"id\":%" PRIu64 ",\"offset\":%" PRIu64 ",\"flags\":",
			i ? "," : "", mapping->va, mapping->size, mapping->bo ? "map" : "sparse",
			mapping->bo ? vmb_sim_handles_find(&file->bos, mapping->bo) : 0,
			mapping->bo ? mapping->bo->id : 0, mapping->offset);
		vmb_sim_text_add_flags(&line, mapping->flags, map_flags, COUNT(map_flags));
		vmb_sim_text_add(&line, "}");
	}
	free(mappings);
	vmb_sim_text_add(&line, "],\"file\":%" PRIu64 ",\"vm\":%" PRIu32 ",\"mappings\":%zu",
		file->id, id, vm->map.count);
	if (destroyed) {
		vmb_sim_text_add(&line, ",\"destroyed\":true");
	}
	vmb_sim_stream_write(file->sim, &line);
}

static void add_syncs(struct vmb_sim_text *line, const struct drm_panthor_obj_array *syncs)
{
	bool readable = vmb_sim_uobj_is_readable(syncs, sizeof(struct drm_panthor_sync_op));
	vmb_sim_text_add(line, ",\"syncs\":[");
	for (uint32_t i = 0; readable && i < syncs->count; i++) {
		const struct drm_panthor_sync_op *sync = (const void *)(uintptr_t)(syncs->array +
			(uint64_t)i * syncs->stride);
		vmb_sim_text_add(line,
			"%s{\"op\":\"%s\",\"handle\":%" PRIu32 ",\"value\":%" PRIu64
			",\"timeline\":%s}",
			i ? "," : "", sync->flags & DRM_PANTHOR_SYNC_OP_SIGNAL ? "signal" : "wait",
			sync->handle, sync->timeline_value,
			(sync->flags & DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_MASK) ? "true" : "false");
	}
	vmb_sim_text_add(line, "]");
}

static void add_op_type(struct vmb_sim_text *line, uint32_t flags)
{
	uint32_t type = flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK;
	if (type == DRM_PANTHOR_VM_BIND_OP_TYPE_MAP) {
		vmb_sim_text_add(line, "\"map\"");
	} else if (type == DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP) {
		vmb_sim_text_add(line, "\"unmap\"");
	} else if (type == DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY) {
		vmb_sim_text_add(line, "\"sync_only\"");
	} else {
		vmb_sim_text_add(line, "%" PRIu32, type >> 28);
	}
}

static void add_op(struct vmb_sim_text *line, const struct drm_panthor_vm_bind_op *op)
{
	vmb_sim_text_add(line, "{\"type\":");
	add_op_type(line, op->flags);
	vmb_sim_text_add(line, ",\"flags\":");
	vmb_sim_text_add_flags(
		line, op->flags & ~DRM_PANTHOR_VM_BIND_OP_TYPE_MASK, map_flags, COUNT(map_flags));
	vmb_sim_text_add(line,
		",\"bo\":%" PRIu32 ",\"offset\":%" PRIu64 ",\"va\":%" PRIu64 ",\"size\":%" PRIu64,
		op->bo_handle, op->bo_offset, op->va, op->size);
	add_syncs(line, &op->syncs);
	vmb_sim_text_add(line, "}");
}

void vmb_sim_describe_vm_bind(struct vmb_sim_text *line, const struct vmb_sim_call *call,
	const void *before, const void *after)
{
	(void)after;
	const struct drm_panthor_vm_bind *args = before;
	vmb_sim_text_add(line, ",\"vm\":%" PRIu32 ",\"async\":%s,\"failed_index\":", args->vm_id,
		args->flags & DRM_PANTHOR_VM_BIND_ASYNC ? "true" : "false");
	if (call->failed_index < 0) {
		vmb_sim_text_add(line, "null");
	} else {
		vmb_sim_text_add(line, "%" PRId64, call->failed_index);
	}
	bool readable = vmb_sim_uobj_is_readable(&args->ops, sizeof(struct drm_panthor_vm_bind_op));
	vmb_sim_text_add(line, ",\"ops\":[");
	for (uint32_t i = 0; readable && i < args->ops.count; i++) {
		vmb_sim_text_add(line, "%s", i ? "," : "");
		add_op(line,
			(const void *)(uintptr_t)(args->ops.array +
				(uint64_t)i * args->ops.stride));
	}
	vmb_sim_text_add(line, "]");
}

void vmb_sim_describe_vm_create(struct vmb_sim_text *line, const struct vmb_sim_call *call,
	const void *before, const void *after)
{
	(void)call;
	const struct drm_panthor_vm_create *requested = before;
	const struct drm_panthor_vm_create *created = after;
	vmb_sim_text_add(line,
		",\"vm\":%" PRIu32 ",\"asked_user_va_range\":%" PRIu64
		",\"user_va_range\":%" PRIu64,
		created->id, requested->user_va_range, created->user_va_range);
}

void vmb_sim_describe_vm_destroy(struct vmb_sim_text *line, const struct vmb_sim_call *call,
	const void *before, const void *after)
{
	(void)call;
	(void)after;
	const struct drm_panthor_vm_destroy *args = before;
	vmb_sim_text_add(line, ",\"vm\":%" PRIu32, args->id);
}

void vmb_sim_describe_bo_create(struct vmb_sim_text *line, const struct vmb_sim_call *call,
	const void *before, const void *after)
{
	static const struct vmb_sim_flag_name names[] = {
		{ DRM_PANTHOR_BO_NO_MMAP, "no_mmap" },
		{ DRM_PANTHOR_BO_WB_MMAP, "wb_mmap" },
	};
	const struct drm_panthor_bo_create *requested = before;
	const struct drm_panthor_bo_create *created = after;
	const struct vmb_sim_bo *bo = vmb_sim_handles_get(&call->file->bos, created->handle);
	vmb_sim_text_add(line, ",\"size\":%" PRIu64 ",\"flags\":", requested->size);
	vmb_sim_text_add_flags(line, requested->flags, names, COUNT(names));
	vmb_sim_text_add(line, ",\"vm\":%" PRIu32 ",\"handle\":%" PRIu32 ",\"id\":%" PRIu64,
		requested->exclusive_vm_id, created->handle, bo ? bo->id : 0);
}

void vmb_sim_describe_gem_close(struct vmb_sim_text *line, const struct vmb_sim_call *call,
	const void *before, const void *after)
{
	(void)call;
	(void)after;
	const struct drm_gem_close *args = before;
	vmb_sim_text_add(line, ",\"handle\":%" PRIu32, args->handle);
}

void vmb_sim_describe_prime_handle(struct vmb_sim_text *line, const struct vmb_sim_call *call,
	const void *before, const void *after)
{
	(void)call;
	(void)before;
	const struct drm_prime_handle *args = after;
	vmb_sim_text_add(
		line, ",\"handle\":%" PRIu32 ",\"prime_fd\":%" PRId32, args->handle, args->fd);
}

void vmb_sim_describe_dev_query(struct vmb_sim_text *line, const struct vmb_sim_call *call,
	const void *before, const void *after)
{
	(void)call;
	(void)after;
	const struct drm_panthor_dev_query *args = before;
	vmb_sim_text_add(line, ",\"type\":%" PRIu32, args->type);
}

void vmb_sim_describe_group_submit(struct vmb_sim_text *line, const struct vmb_sim_call *call,
	const void *before, const void *after)
{
	(void)call;
	(void)after;
	const struct drm_panthor_group_submit *args = before;
	const struct drm_panthor_obj_array *submits = &args->queue_submits;
	bool readable = vmb_sim_uobj_is_readable(submits, sizeof(struct drm_panthor_queue_submit));
	vmb_sim_text_add(line, ",\"group\":%" PRIu32 ",\"submits\":[", args->group_handle);
	for (uint32_t i = 0; readable && i < submits->count; i++) {
		const struct drm_panthor_queue_submit *submit =
			(const void *)(uintptr_t)(submits->array + (uint64_t)i * submits->stride);
		vmb_sim_text_add(line, "%s{\"queue\":%" PRIu32 ",\"size\":%" PRIu32, i ? "," : "",
			submit->queue_index, submit->stream_size);
		add_syncs(line, &submit->syncs);
		vmb_sim_text_add(line, "}");
	}
	vmb_sim_text_add(line, "]");
}

void vmb_sim_describe_syncobj_create(struct vmb_sim_text *line, const struct vmb_sim_call *call,
	const void *before, const void *after)
{
	(void)call;
	(void)before;
	const struct drm_syncobj_create *args = after;
	vmb_sim_text_add(line, ",\"handle\":%" PRIu32 ",\"signaled\":%s", args->handle,
		args->flags & DRM_SYNCOBJ_CREATE_SIGNALED ? "true" : "false");
}

void vmb_sim_describe_syncobj_destroy(struct vmb_sim_text *line, const struct vmb_sim_call *call,
	const void *before, const void *after)
{
	(void)call;
	(void)after;
	const struct drm_syncobj_destroy *args = before;
	vmb_sim_text_add(line, ",\"handle\":%" PRIu32, args->handle);
}

void vmb_sim_describe_syncobj_handle(struct vmb_sim_text *line, const struct vmb_sim_call *call,
	const void *before, const void *after)
{
	(void)call;
	(void)before;
	const struct drm_syncobj_handle *args = after;
	vmb_sim_text_add(
		line, ",\"handle\":%" PRIu32 ",\"syncobj_fd\":%" PRId32, args->handle, args->fd);
}

static void add_handles(struct vmb_sim_text *line, uint64_t handles, uint32_t count)
{
	const uint32_t *array = (const void *)(uintptr_t)handles;
	vmb_sim_text_add(line, ",\"handles\":[");
	for (uint32_t i = 0; array && i < count; i++) {
		vmb_sim_text_add(line, "%s%" PRIu32, i ? "," : "", array[i]);
	}
	vmb_sim_text_add(line, "]");
}

static void add_points(struct vmb_sim_text *line, uint64_t points, uint32_t count)
{
	const uint64_t *array = (const void *)(uintptr_t)points;
	vmb_sim_text_add(line, ",\"points\":[");
	for (uint32_t i = 0; array && i < count; i++) {
		vmb_sim_text_add(line, "%s%" PRIu64, i ? "," : "", array[i]);
	}
	vmb_sim_text_add(line, "]");
}

static void add_wait_flags(struct vmb_sim_text *line, uint32_t flags)
{
	static const struct vmb_sim_flag_name names[] = {
		{ DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL, "all" },
		{ DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT, "for_submit" },
		{ DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE, "available" },
		{ DRM_SYNCOBJ_WAIT_FLAGS_WAIT_DEADLINE, "deadline" },
	};
	vmb_sim_text_add(line, ",\"flags\":");
	vmb_sim_text_add_flags(line, flags, names, COUNT(names));
}

void vmb_sim_describe_syncobj_array(struct vmb_sim_text *line, const struct vmb_sim_call *call,
	const void *before, const void *after)
{
	(void)call;
	(void)after;
	const struct drm_syncobj_array *args = before;
	add_handles(line, args->handles, args->count_handles);
}

void vmb_sim_describe_syncobj_timeline_array(struct vmb_sim_text *line,
	const struct vmb_sim_call *call, const void *before, const void *after)
{
	(void)call;
	(void)before;
	const struct drm_syncobj_timeline_array *args = after;
	add_handles(line, args->handles, args->count_handles);
	add_points(line, args->points, args->count_handles);
}

void vmb_sim_describe_syncobj_wait(struct vmb_sim_text *line, const struct vmb_sim_call *call,
	const void *before, const void *after)
{
	(void)call;
	(void)after;
	const struct drm_syncobj_wait *args = before;
	add_handles(line, args->handles, args->count_handles);
	add_wait_flags(line, args->flags);
}

void vmb_sim_describe_syncobj_timeline_wait(struct vmb_sim_text *line,
	const struct vmb_sim_call *call, const void *before, const void *after)
{
	(void)call;
	(void)after;
	const struct drm_syncobj_timeline_wait *args = before;
	add_handles(line, args->handles, args->count_handles);
	add_points(line, args->points, args->count_handles);
	add_wait_flags(line, args->flags);
}

void vmb_sim_describe_syncobj_transfer(struct vmb_sim_text *line, const struct vmb_sim_call *call,
	const void *before, const void *after)
{
	(void)call;
	(void)after;
	const struct drm_syncobj_transfer *args = before;
	vmb_sim_text_add(line,
		",\"source\":%" PRIu32 ",\"source_point\":%" PRIu64 ",\"destination\":%" PRIu32
		",\"destination_point\":%" PRIu64,
		args->src_handle, args->src_point, args->dst_handle, args->dst_point);
}
