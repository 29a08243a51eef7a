/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "alloc.h"
#include "files.h"
#include "kernel.h"
#include "uapi/panthor.h"
#include "uobj.h"
#include "vm.h"

/* The ioctls of VMs, groups and tiler heaps. */

enum {
	MAX_VMS = 32, /* in a file */
	MAX_GROUPS = 128, /* in a file */
	MAX_HEAPS = 128, /* in a VM */
};

static const uint64_t full_va_range = UINT64_C(1) << VMB_SIM_VA_BITS;
static const uint64_t min_kernel_va_range = UINT64_C(256) << 20;

/* panthor_vm_create_check_args(): the size of the kernel's range is a power of two. User space gets
 * the rest. */
static int choose_user_va_range(uint64_t requested, uint64_t *chosen)
{
	uint64_t range = requested ? requested : full_va_range / 2;
	if (range > full_va_range - min_kernel_va_range) {
		return -EINVAL;
	}
	uint64_t kernel = 1;
	while (kernel <= (full_va_range - range) / 2) {
		kernel *= 2;
	}
	*chosen = full_va_range - kernel;
	return 0;
}

int vmb_sim_vm_create(struct vmb_sim_call *call, void *argument)
{
	struct drm_panthor_vm_create *args = argument;
	uint64_t range;
	if (args->flags) {
		return -EINVAL;
	}
	int result = choose_user_va_range(args->user_va_range, &range);
	if (result) {
		return result;
	}
	struct vmb_sim_vm *vm = vmb_sim_alloc(sizeof(*vm));
	uint32_t id = vmb_sim_handles_add(&call->file->vms, vm, MAX_VMS);
	if (!id) {
		free(vm);
		return -EBUSY;
	}
	vm->refs = 1;
	vm->id = ++call->sim->last_vm;
	vm->user_va_range = range;
	vmb_sim_gpuvm_init(&vm->map);
	args->id = id;
	args->user_va_range = range;
	return 0;
}

int vmb_sim_vm_destroy(struct vmb_sim_call *call, void *argument)
{
	const struct drm_panthor_vm_destroy *args = argument;
	if (args->pad) {
		return -EINVAL;
	}
	struct vmb_sim_vm *vm = vmb_sim_handles_remove(&call->file->vms, args->id);
	if (!vm) {
		return -EINVAL;
	}
	vmb_sim_file_end_vm(call->file, args->id, vm);
	return 0;
}

int vmb_sim_vm_get_state(struct vmb_sim_call *call, void *argument)
{
	struct drm_panthor_vm_get_state *args = argument;
	if (!vmb_sim_file_vm(call->file, args->vm_id)) {
		return -EINVAL;
	}
	args->state = DRM_PANTHOR_VM_STATE_USABLE;
	return 0;
}

int vmb_sim_group_create(struct vmb_sim_call *call, void *argument)
{
	struct drm_panthor_group_create *args = argument;
	if (!args->queues.count || args->queues.count > VMB_SIM_MAX_QUEUES || args->pad) {
		return -EINVAL;
	}
	void *queues;
	int result = vmb_sim_uobj_get_array(&args->queues, sizeof(struct drm_panthor_queue_create),
		sizeof(struct drm_panthor_queue_create), &queues);
	free(queues);
	if (result) {
		return result;
	}
	if (args->priority > PANTHOR_GROUP_PRIORITY_REALTIME) {
		return -EINVAL;
	}
	if (args->priority > PANTHOR_GROUP_PRIORITY_MEDIUM) {
		return -EACCES;
	}
	if (!vmb_sim_file_vm(call->file, args->vm_id)) {
		return -EINVAL;
	}
	struct vmb_sim_group *group = vmb_sim_alloc(sizeof(*group));
	group->queue_count = args->queues.count;
	for (uint32_t i = 0; i < group->queue_count; i++) {
		group->queues[i].gpu = true;
	}
	args->group_handle = vmb_sim_handles_add(&call->file->groups, group, MAX_GROUPS);
	if (!args->group_handle) {
		free(group);
		return -EBUSY;
	}
	return 0;
}

int vmb_sim_group_destroy(struct vmb_sim_call *call, void *argument)
{
	const struct drm_panthor_group_destroy *args = argument;
	if (args->pad) {
		return -EINVAL;
	}
	void *group = vmb_sim_handles_remove(&call->file->groups, args->group_handle);
	if (!group) {
		return -EINVAL;
	}
	vmb_sim_file_end_group(call->sim, group);
	return 0;
}

int vmb_sim_group_get_state(struct vmb_sim_call *call, void *argument)
{
	struct drm_panthor_group_get_state *args = argument;
	if (args->pad || !vmb_sim_handles_get(&call->file->groups, args->group_handle)) {
		return -EINVAL;
	}
	*args = (struct drm_panthor_group_get_state){ 0 };
	return 0;
}

int vmb_sim_tiler_heap_create(struct vmb_sim_call *call, void *argument)
{
	struct drm_panthor_tiler_heap_create *args = argument;
	struct vmb_sim_vm *vm = vmb_sim_file_vm(call->file, args->vm_id);
	uint32_t size = args->chunk_size;
	if (!vm || !args->initial_chunk_count || args->initial_chunk_count > args->max_chunks ||
		size % VMB_SIM_PAGE_SIZE || size < UINT32_C(128) << 10 ||
		size > UINT32_C(8) << 20) {
		return -EINVAL;
	}
	uint32_t heap = vmb_sim_handles_add(&vm->heaps, vm, MAX_HEAPS);
	if (!heap) {
		return -EBUSY;
	}
	/* The kernel counts heaps from 0. The addresses are in the kernel's range of the VM. */
	args->handle = args->vm_id << 16 | (heap - 1);
	args->tiler_heap_ctx_gpu_va = vm->user_va_range + heap * VMB_SIM_PAGE_SIZE;
	args->first_heap_chunk_gpu_va = vm->user_va_range + ((uint64_t)heap << 23);
	return 0;
}

int vmb_sim_tiler_heap_destroy(struct vmb_sim_call *call, void *argument)
{
	const struct drm_panthor_tiler_heap_destroy *args = argument;
	struct vmb_sim_vm *vm = vmb_sim_file_vm(call->file, args->handle >> 16);
	if (args->pad || !vm) {
		return -EINVAL;
	}
	return vmb_sim_handles_remove(&vm->heaps, (args->handle & 0xffff) + 1) ? 0 : -EINVAL;
}

int vmb_sim_set_user_mmio_offset(struct vmb_sim_call *call, void *argument)
{
	(void)call;
	const struct drm_panthor_set_user_mmio_offset *args = argument;
	return args->offset == DRM_PANTHOR_USER_MMIO_OFFSET_32BIT ||
			args->offset == DRM_PANTHOR_USER_MMIO_OFFSET_64BIT
		? 0
		: -EINVAL;
}
