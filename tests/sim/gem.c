/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "alloc.h"
#include "files.h"
#include "kernel.h"
#include "uapi/panthor.h"
#include "uobj.h"
#include "vm.h"

/* The ioctls of buffer objects. */

int vmb_sim_bo_create(struct vmb_sim_call *call, void *argument)
{
	struct drm_panthor_bo_create *args = argument;
	struct vmb_sim *sim = call->sim;
	uint32_t known = DRM_PANTHOR_BO_NO_MMAP | (sim->minor >= 7 ? DRM_PANTHOR_BO_WB_MMAP : 0);
	uint32_t both = DRM_PANTHOR_BO_NO_MMAP | DRM_PANTHOR_BO_WB_MMAP;
	if (!args->size || args->pad || (args->flags & ~known) || (args->flags & both) == both) {
		return -EINVAL;
	}
	uint64_t exclusive_vm = 0;
	if (args->exclusive_vm_id) {
		const struct vmb_sim_vm *vm = vmb_sim_file_vm(call->file, args->exclusive_vm_id);
		if (!vm) {
			return -EINVAL;
		}
		exclusive_vm = vm->id;
	}
	/* A BO's pages come from tmpfs, whose files are at most this large. */
	if (args->size > INT64_MAX - VMB_SIM_PAGE_SIZE) {
		return -EINVAL;
	}

	struct vmb_sim_bo *bo = vmb_sim_alloc(sizeof(*bo));
	bo->refs = 1;
	bo->id = ++sim->last_bo;
	bo->size = (args->size + VMB_SIM_PAGE_SIZE - 1) & ~(uint64_t)(VMB_SIM_PAGE_SIZE - 1);
	bo->flags = args->flags;
	bo->exclusive_vm = exclusive_vm;
	bo->memfd = -1;
	args->handle = vmb_sim_handles_add(&call->file->bos, bo, INT32_MAX);
	args->size = bo->size;
	return 0;
}

int vmb_sim_gem_close(struct vmb_sim_call *call, void *argument)
{
	const struct drm_gem_close *args = argument;
	struct vmb_sim_bo *bo = vmb_sim_handles_remove(&call->file->bos, args->handle);
	if (!bo) {
		return -EINVAL;
	}
	vmb_sim_bo_unref(bo);
	return 0;
}

int vmb_sim_bo_mmap_offset(struct vmb_sim_call *call, void *argument)
{
	struct drm_panthor_bo_mmap_offset *args = argument;
	if (args->pad) {
		return -EINVAL;
	}
	struct vmb_sim_bo *bo = vmb_sim_file_bo(call->file, args->handle);
	if (!bo) {
		return -ENOENT;
	}
	if (bo->flags & DRM_PANTHOR_BO_NO_MMAP) {
		return -EPERM;
	}
	int result = vmb_sim_bo_populate(bo);
	if (result) {
		return result;
	}
	if (!bo->mmap_offset) {
		bo->mmap_offset = call->sim->next_mmap_offset;
		call->sim->next_mmap_offset += bo->size;
	}
	args->offset = bo->mmap_offset;
	return 0;
}

int vmb_sim_bo_set_label(struct vmb_sim_call *call, void *argument)
{
	const struct drm_panthor_bo_set_label *args = argument;
	if (args->pad) {
		return -EINVAL;
	}
	return vmb_sim_file_bo(call->file, args->handle) ? 0 : -ENOENT;
}

int vmb_sim_bo_query_info(struct vmb_sim_call *call, void *argument)
{
	struct drm_panthor_bo_query_info *args = argument;
	const struct vmb_sim_bo *bo = vmb_sim_file_bo(call->file, args->handle);
	if (!bo) {
		return -ENOENT;
	}
	args->pad = 0;
	args->create_flags = bo->flags;
	args->extra_flags = 0;
	return 0;
}

static int check_sync_op(struct vmb_sim_call *call, const struct drm_panthor_bo_sync_op *op)
{
	const struct vmb_sim_bo *bo = vmb_sim_file_bo(call->file, op->handle);
	if (!bo) {
		return -ENOENT;
	}
	if (op->offset > bo->size || op->size > bo->size - op->offset) {
		return -EINVAL;
	}
	return op->type > DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE ? -EINVAL : 0;
}

int vmb_sim_bo_sync(struct vmb_sim_call *call, void *argument)
{
	const struct drm_panthor_bo_sync *args = argument;
	void *copy;
	int result = vmb_sim_uobj_get_array(&args->ops, sizeof(struct drm_panthor_bo_sync_op),
		sizeof(struct drm_panthor_bo_sync_op), &copy);
	const struct drm_panthor_bo_sync_op *ops = copy;
	for (uint32_t i = 0; !result && i < args->ops.count; i++) {
		result = check_sync_op(call, &ops[i]);
	}
	free(copy);
	return result;
}

int vmb_sim_prime_handle_to_fd(struct vmb_sim_call *call, void *argument)
{
	struct drm_prime_handle *args = argument;
	if (args->flags & ~(uint32_t)(O_CLOEXEC | O_RDWR)) {
		return -EINVAL;
	}
	struct vmb_sim_bo *bo = vmb_sim_file_bo(call->file, args->handle);
	if (!bo) {
		return -ENOENT;
	}
	return bo->exclusive_vm ? -EINVAL : vmb_sim_export_bo(call->sim, bo, &args->fd);
}

int vmb_sim_prime_fd_to_handle(struct vmb_sim_call *call, void *argument)
{
	struct drm_prime_handle *args = argument;
	const struct vmb_sim_export *exported = vmb_sim_find_export(call->sim, args->fd);
	if (!exported || !exported->bo) {
		return fcntl(args->fd, F_GETFD) < 0 ? -EBADF : -EINVAL;
	}
	/* A BO that the file already has keeps its handle. */
	args->handle = vmb_sim_handles_find(&call->file->bos, exported->bo);
	if (!args->handle) {
		args->handle = vmb_sim_handles_add(
			&call->file->bos, vmb_sim_bo_ref(exported->bo), INT32_MAX);
	}
	return 0;
}
