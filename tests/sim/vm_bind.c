/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "files.h"
#include "kernel.h"
#include "submit.h"
#include "uobj.h"
#include "vm.h"

static uint64_t round_up(uint64_t value, unsigned bits)
{
	uint64_t mask = (UINT64_C(1) << bits) - 1;
	return (value + mask) & ~mask;
}

/* The number of page tables for a range if one table covers 1 << bits bytes. */
static uint64_t count_tables(uint64_t va, uint64_t size, unsigned bits)
{
	return (round_up(va + size, bits) >> bits) - (va >> bits);
}

/*
 * panthor_vm_op_ctx_prealloc_pts() allocates a page for each table that the range could need, and
 * an array of pointers to the pages. The kernel cannot allocate more than 4 MiB for the array.
 */
static int reserve_tables(const struct drm_panthor_vm_bind_op *op)
{
	uint64_t count = count_tables(op->va, op->size, 39) + count_tables(op->va, op->size, 30) +
		count_tables(op->va, op->size, 21);
	return count > (UINT64_C(4) << 20) / 8 ? -ENOMEM : 0;
}

/* panthor_vm_prepare_map_op_ctx() */
static int prepare_map(struct vmb_sim_call *call, const struct vmb_sim_vm *vm,
	const struct drm_panthor_vm_bind_op *op, struct vmb_sim_mapping *mapping)
{
	uint32_t known = DRM_PANTHOR_VM_BIND_OP_MAP_READONLY | DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC |
		DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED |
		(call->sim->minor >= 9 ? DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE : 0);
	if (op->flags & ~known) {
		return -EINVAL;
	}
	if (op->flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE) {
		if (!(op->flags & DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC) || op->bo_handle ||
			op->bo_offset) {
			return -EINVAL;
		}
	} else {
		struct vmb_sim_bo *bo = vmb_sim_file_bo(call->file, op->bo_handle);
		if (!bo || op->size > bo->size || op->bo_offset > bo->size - op->size ||
			(bo->exclusive_vm && bo->exclusive_vm != vm->id)) {
			return -EINVAL;
		}
		mapping->bo = bo;
	}
	mapping->offset = op->bo_offset;
	mapping->flags = op->flags;
	return reserve_tables(op);
}

/* panthor_vm_bind_prepare_op_ctx(). Adds no reference to the mapping's bo. */
static int prepare_op(struct vmb_sim_call *call, const struct vmb_sim_vm *vm,
	const struct drm_panthor_vm_bind_op *op, struct vmb_sim_mapping *mapping)
{
	*mapping = (struct vmb_sim_mapping){ .va = op->va, .size = op->size };
	int fault = vmb_sim_faults_next(&call->sim->faults, "vm_bind_op");
	if (fault) {
		return fault;
	}
	if ((op->va | op->size | op->bo_offset) % VMB_SIM_PAGE_SIZE) {
		return -EINVAL;
	}
	if (op->va >= vm->user_va_range || op->size > vm->user_va_range - op->va) {
		return -EINVAL;
	}
	switch (op->flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK) {
	case DRM_PANTHOR_VM_BIND_OP_TYPE_MAP:
		return prepare_map(call, vm, op, mapping);
	case DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP:
		return op->flags != DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP || op->bo_handle ||
				op->bo_offset
			? -EINVAL
			: 0;
	case DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY:
		return op->flags != DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY || op->bo_handle ||
				op->bo_offset || op->va || op->size || !op->syncs.count
			? -EINVAL
			: 0;
	default:
		return -EINVAL;
	}
}

static bool is_unmap(const struct drm_panthor_vm_bind_op *op)
{
	return (op->flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK) == DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP;
}

static bool is_sync_only(const struct drm_panthor_vm_bind_op *op)
{
	return (op->flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK) ==
		DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY;
}

/* panthor_vm_bind_exec_sync_op() */
static int run_op(
	struct vmb_sim_call *call, struct vmb_sim_vm *vm, const struct drm_panthor_vm_bind_op *op)
{
	if (op->syncs.count) {
		return -EINVAL;
	}
	if (!op->size) {
		return 0;
	}
	struct vmb_sim_mapping mapping;
	int result = prepare_op(call, vm, op, &mapping);
	if (result) {
		return result;
	}
	if (is_unmap(op)) {
		vmb_sim_gpuvm_unmap(&vm->map, mapping.va, mapping.size);
	} else {
		vmb_sim_gpuvm_map(&vm->map, &mapping);
	}
	return 0;
}

static int bind_sync(struct vmb_sim_call *call, struct vmb_sim_vm *vm,
	struct drm_panthor_vm_bind *args, const struct drm_panthor_vm_bind_op *ops)
{
	for (uint32_t i = 0; i < args->ops.count; i++) {
		int result = run_op(call, vm, &ops[i]);
		if (result) {
			args->ops.count = i;
			call->failed_index = i;
			return result;
		}
	}
	return 0;
}

static int add_async(struct vmb_sim_call *call, struct vmb_sim_vm *vm,
	struct vmb_sim_submit *submit, const struct drm_panthor_vm_bind_op *op)
{
	struct vmb_sim_mapping mapping;
	int result = prepare_op(call, vm, op, &mapping);
	if (result) {
		return result;
	}
	struct vmb_sim_job *job = vmb_sim_job_create();
	if (!is_sync_only(op)) {
		vmb_sim_job_set_op(job, vm, is_unmap(op), &mapping);
	}
	return vmb_sim_submit_add(submit, &vm->binds, job, &op->syncs);
}

static int bind_async(struct vmb_sim_call *call, struct vmb_sim_vm *vm,
	const struct drm_panthor_vm_bind *args, const struct drm_panthor_vm_bind_op *ops)
{
	int result = 0;
	struct vmb_sim_submit submit;
	vmb_sim_submit_init(&submit, call);
	for (uint32_t i = 0; !result && i < args->ops.count; i++) {
		result = add_async(call, vm, &submit, &ops[i]);
	}
	if (!result) {
		result = vmb_sim_submit_run(&submit);
	}
	vmb_sim_submit_finish(&submit);
	return result;
}

int vmb_sim_vm_bind(struct vmb_sim_call *call, void *argument)
{
	struct drm_panthor_vm_bind *args = argument;
	struct vmb_sim_vm *vm = vmb_sim_file_vm(call->file, args->vm_id);
	if (!vm) {
		return -EINVAL;
	}
	void *ops;
	int result = vmb_sim_uobj_get_array(&args->ops, sizeof(struct drm_panthor_vm_bind_op),
		sizeof(struct drm_panthor_vm_bind_op), &ops);
	if (result) {
		return result;
	}
	/* Linux 7.3 ignores other flags of the call. */
	result = args->flags & DRM_PANTHOR_VM_BIND_ASYNC ? bind_async(call, vm, args, ops)
							 : bind_sync(call, vm, args, ops);
	free(ops);
	return result;
}
