/* SPDX-License-Identifier: MIT */
#include "backend/panthor/vm.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <uapi/drm.h>
#include <unistd.h>

#include "backend/panthor/send.h"
#include "backend/panthor/translator.h"
#include "base/clock.h"
#include "base/map.h"

struct panthor_vm {
	struct vmb_vm base;
	struct vmb_intercept *intercept;
	struct vmb_panthor *panthor; /* the intercept's state */
	/* Guards the backings. Held until the kernel has accepted the ops that map them. Then the
	 * driver may close a BO: the kernel keeps the BO while it is mapped. */
	pthread_mutex_t backings_lock;
	struct vmb_map backings; /* vmb_backing.id to backing */
	uint32_t last_id;
};

/* A BO of the driver. Ops name it by an id of the layer, since the kernel reuses the handle as soon
 * as the driver closes the BO. */
struct backing {
	uint32_t bo;
	uint32_t map_flags;
};

/* The granularity of panthor's maps, whatever the kernel's page size. */
#define GPU_PAGE 4096

/* In bytes: the CPU's page size, at least a page of the GPU. */
static uint64_t page_granularity(void)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return page > GPU_PAGE ? page : GPU_PAGE;
}

static struct panthor_vm *panthor_vm(struct vmb_vm *vm)
{
	return (struct panthor_vm *)vm;
}

static int call(struct panthor_vm *vm, unsigned long request, void *arg)
{
	return vmb_ioctl_retry(vm->panthor->ioctl, vm->panthor->fd, request, arg);
}

static struct vmb_panthor_call *call_of(struct vmb_capture *capture)
{
	_Static_assert(sizeof(struct vmb_panthor_call) <= sizeof(capture->backend),
		"the capture has too little room");
	return (struct vmb_panthor_call *)capture->backend;
}

static void capture_begin(
	struct vmb_vm *vm, struct vmb_capture *capture, enum vmb_capture_kind kind)
{
	vmb_panthor_call_begin(call_of(capture), panthor_vm(vm)->intercept,
		kind == VMB_CAPTURE_MEMORY ? VMB_PANTHOR_CALL_ALLOCATE : VMB_PANTHOR_CALL_RESERVE);
}

/* -ENOENT unless the driver created a BO during the capture and mapped all of it. */
static int capture_end(struct vmb_panthor_call *captured)
{
	int ret = vmb_driver_call_end(&captured->base);

	if (ret < 0) {
		return ret;
	}
	return captured->bo && captured->size >= captured->bo_size ? 0 : -ENOENT;
}

static int capture_reservation(
	struct vmb_vm *vm, struct vmb_capture *capture, struct vmb_reservation *reservation)
{
	struct vmb_panthor_call *captured = call_of(capture);

	(void)vm;
	int ret = capture_end(captured);
	if (ret == 0) {
		*reservation = (struct vmb_reservation){
			.va = captured->va,
			.size = captured->size,
		};
	}
	return ret;
}

/* Does nothing: the driver frees the addresses with its memory object. */
static void release(struct vmb_vm *vm, const struct vmb_reservation *reservation)
{
	(void)vm;
	(void)reservation;
}

/* Adds a backing under a new id. The id of a removed backing is not reused before the counter
 * wraps. 0 or -ENOMEM. */
static int add_backing(struct panthor_vm *vm, struct backing *added, uint32_t *id)
{
	pthread_mutex_lock(&vm->backings_lock);
	do {
		vm->last_id++;
	} while (vm->last_id == 0 || vmb_map_find(&vm->backings, vm->last_id));
	int ret = vmb_map_insert(&vm->backings, vm->last_id, added);
	*id = vm->last_id;
	pthread_mutex_unlock(&vm->backings_lock);
	return ret;
}

static int capture_memory(
	struct vmb_vm *vm, struct vmb_capture *capture, struct vmb_backing *backing)
{
	struct vmb_panthor_call *captured = call_of(capture);

	int ret = capture_end(captured);
	if (ret < 0) {
		return ret;
	}
	struct backing *added = malloc(sizeof(*added));
	if (!added) {
		return -ENOMEM;
	}
	*added = (struct backing){ .bo = captured->bo, .map_flags = captured->map_flags };
	*backing = (struct vmb_backing){ .size = captured->bo_size };
	ret = add_backing(panthor_vm(vm), added, &backing->id);
	if (ret < 0) {
		free(added);
	}
	return ret;
}

static void memory_destroy(struct vmb_vm *vm, const struct vmb_backing *backing)
{
	struct panthor_vm *panthor = panthor_vm(vm);

	if (!backing->id) {
		return;
	}
	pthread_mutex_lock(&panthor->backings_lock);
	free(vmb_map_remove(&panthor->backings, backing->id));
	pthread_mutex_unlock(&panthor->backings_lock);
}

/* If the memory was freed, the range becomes sparse. */
static struct drm_panthor_vm_bind_op translate(struct panthor_vm *vm, const struct vmb_op *op)
{
	const struct backing *backing = op->kind == VMB_OP_MAP
		? vmb_map_find(&vm->backings, op->backing)
		: NULL;
	struct drm_panthor_vm_bind_op out = { .va = op->va, .size = op->size };

	if (op->kind == VMB_OP_UNMAP) {
		out.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP;
	} else if (backing) {
		/* Bound memory holds no shader code. */
		out.flags = backing->map_flags | DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC;
		out.bo_handle = backing->bo;
		out.bo_offset = op->offset;
	} else {
		out.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP | DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE |
			DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC;
	}
	return out;
}

static struct drm_panthor_sync_op sync_op(const struct vmb_point *point, uint32_t direction)
{
	return (struct drm_panthor_sync_op){
		.flags = DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_TIMELINE_SYNCOBJ | direction,
		.handle = point->timeline,
		.timeline_value = point->value,
	};
}

/* Adds the wait to the first op and the signal to the last one. syncs has room for both, and must
 * outlive the batch. */
static void add_syncs(struct vmb_panthor_batch *batch, struct drm_panthor_sync_op *syncs,
	const struct vmb_point *wait, const struct vmb_point *signal)
{
	struct drm_panthor_vm_bind_op *first = &batch->ops[0];
	struct drm_panthor_vm_bind_op *last = &batch->ops[batch->count - 1];
	struct drm_panthor_sync_op *end = syncs;

	if (wait) {
		*end++ = sync_op(wait, DRM_PANTHOR_SYNC_OP_WAIT);
		first->syncs = (struct drm_panthor_obj_array)DRM_PANTHOR_OBJ_ARRAY(1, syncs);
	}
	*end = sync_op(signal, DRM_PANTHOR_SYNC_OP_SIGNAL);
	if (first == last && wait) {
		first->syncs.count = 2;
	} else {
		last->syncs = (struct drm_panthor_obj_array)DRM_PANTHOR_OBJ_ARRAY(1, end);
	}
}

static int submit(struct vmb_vm *vm, const struct vmb_op *ops, size_t count,
	const struct vmb_point *wait, const struct vmb_point *signal)
{
	struct panthor_vm *panthor = panthor_vm(vm);
	struct drm_panthor_sync_op syncs[2];
	struct vmb_panthor_batch batch;
	uint64_t ioctls = 0;
	int ret = 0;

	vmb_panthor_batch_init(&batch);
	pthread_mutex_lock(&panthor->backings_lock);
	for (size_t i = 0; i < count && ret == 0; i++) {
		struct drm_panthor_vm_bind_op op = translate(panthor, &ops[i]);
		ret = vmb_panthor_batch_append(&batch, &op, 0);
	}
	if (ret == 0) {
		add_syncs(&batch, syncs, wait, signal);
		ret = vmb_panthor_bind(panthor->panthor, &batch, true, &ioctls);
	}
	pthread_mutex_unlock(&panthor->backings_lock);
	atomic_fetch_add_explicit(&vm->system_calls, ioctls, memory_order_relaxed);
	vmb_panthor_batch_finish(&batch);
	return ret;
}

static int import_timeline(struct vmb_vm *vm, int fd, uint32_t *timeline)
{
	struct drm_syncobj_handle import = { .fd = fd };

	int ret = call(panthor_vm(vm), DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &import);
	if (ret == 0) {
		*timeline = import.handle;
	}
	return ret;
}

static void forget_timeline(struct vmb_vm *vm, uint32_t timeline)
{
	struct drm_syncobj_destroy destroy = { .handle = timeline };

	call(panthor_vm(vm), DRM_IOCTL_SYNCOBJ_DESTROY, &destroy);
}

/* The deadline as an absolute time of CLOCK_MONOTONIC. 0 does not wait. */
static int64_t deadline(uint64_t timeout_ns)
{
	if (timeout_ns == 0) {
		return 0;
	}
	int64_t start = (int64_t)vmb_clock_ns();
	return timeout_ns > (uint64_t)(INT64_MAX - start) ? INT64_MAX : start + (int64_t)timeout_ns;
}

static int wait_for(struct vmb_vm *vm, const struct vmb_point *point, enum vmb_point_state state,
	uint64_t timeout_ns)
{
	uint32_t flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT;

	if (state == VMB_POINT_AVAILABLE) {
		flags |= DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE;
	}
	struct drm_syncobj_timeline_wait wait = {
		.handles = (uintptr_t)&point->timeline,
		.points = (uintptr_t)&point->value,
		.timeout_nsec = deadline(timeout_ns),
		.count_handles = 1,
		.flags = flags,
	};
	return call(panthor_vm(vm), DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &wait);
}

static void destroy(struct vmb_vm *vm)
{
	struct panthor_vm *panthor = panthor_vm(vm);
	struct drm_gem_close fallback = { .handle = panthor->panthor->fallback_bo };
	void *backing;

	while ((backing = vmb_map_pop(&panthor->backings))) {
		free(backing);
	}
	if (fallback.handle) {
		panthor->panthor->fallback_bo = 0;
		call(panthor, DRM_IOCTL_GEM_CLOSE, &fallback);
	}
	vmb_map_finish(&panthor->backings);
	pthread_mutex_destroy(&panthor->backings_lock);
	vmb_intercept_destroy(panthor->intercept);
	free(panthor);
}

static void write_figures(struct vmb_vm *vm, FILE *out)
{
	vmb_panthor_write_figures(panthor_vm(vm)->panthor, out);
}

static void describe_kernel_driver(struct vmb_vm *vm, char *text, size_t size)
{
	snprintf(text, size, "panthor 1.%" PRIu32, panthor_vm(vm)->panthor->minor);
}

static const struct vmb_vm_interface panthor_interface = {
	.name = "panthor",
	.destroy = destroy,
	.capture_begin = capture_begin,
	.capture_reservation = capture_reservation,
	.capture_memory = capture_memory,
	.release = release,
	.memory_destroy = memory_destroy,
	.submit = submit,
	.import_timeline = import_timeline,
	.forget_timeline = forget_timeline,
	.wait = wait_for,
	.write_figures = write_figures,
	.describe_kernel_driver = describe_kernel_driver,
};

static int create_fallback_bo(struct panthor_vm *vm)
{
	struct drm_panthor_bo_create create = {
		.size = VMB_PANTHOR_CYCLE,
		.flags = DRM_PANTHOR_BO_NO_MMAP,
		.exclusive_vm_id = vm->panthor->vm,
	};

	if (vmb_panthor_has_sparse(vm->panthor)) {
		return 0;
	}
	int ret = call(vm, DRM_IOCTL_PANTHOR_BO_CREATE, &create);
	vm->panthor->fallback_bo = create.handle;
	return ret;
}

int vmb_panthor_vm_create(
	struct vmb_intercept *intercept, struct vmb_trace *trace, struct vmb_vm **out)
{
	struct panthor_vm *vm = calloc(1, sizeof(*vm));

	if (!vm) {
		return -ENOMEM;
	}
	vmb_vm_init(&vm->base, &panthor_interface, page_granularity(), trace);
	vm->intercept = intercept;
	vm->panthor = vmb_intercept_state(intercept);
	int ret = create_fallback_bo(vm);
	if (ret < 0) {
		free(vm);
		return ret;
	}
	pthread_mutex_init(&vm->backings_lock, NULL);
	vmb_map_init(&vm->backings);
	*out = &vm->base;
	return 0;
}

struct vmb_intercept *vmb_panthor_vm_intercept(struct vmb_vm *vm)
{
	return panthor_vm(vm)->intercept;
}
