/* SPDX-License-Identifier: MIT */
#include "backend/panthor/translator.h"

#include <errno.h>
#include <limits.h>
#include <linux/ioctl.h>
#include <string.h>
#include <uapi/drm.h>
#include <uapi/panthor.h>
#include <unistd.h>

#include "backend/panthor/batch.h"
#include "backend/panthor/send.h"
#include "base/clock.h"
#include "ioctl/kernel.h"

#define SPARSE_FLAGS (DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE | DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC)

static void add(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

static int fail(int error)
{
	errno = -error;
	return -1;
}

/* Sends the sparse op for the maps that were held back. 0, or a negative errno. */
static int send_held(struct vmb_panthor *panthor, struct vmb_panthor_call *call)
{
	const struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP | SPARSE_FLAGS,
		.va = call->held_va,
		.size = call->held_size,
	};
	struct vmb_panthor_batch batch;
	uint64_t ioctls;

	if (!call->held_size) {
		return 0;
	}
	call->held_size = 0;
	vmb_panthor_batch_init(&batch);
	int ret = vmb_panthor_batch_add(&batch, &op, 0);
	if (ret == 0) {
		ret = vmb_panthor_bind(panthor, &batch, false, &ioctls);
	}
	vmb_panthor_batch_finish(&batch);
	return ret;
}

static const struct drm_panthor_vm_bind_op *ops_of(const struct drm_panthor_vm_bind *bind)
{
	return (const struct drm_panthor_vm_bind_op *)(uintptr_t)bind->ops.array;
}

/* Whether this code knows all members of the ops: a longer struct may have more. The kernel
 * refuses an array of more than INT_MAX bytes before it reads the array. */
static bool is_known(const struct drm_panthor_vm_bind *bind)
{
	return bind->ops.count && bind->ops.array &&
		bind->ops.stride == sizeof(struct drm_panthor_vm_bind_op) &&
		bind->ops.count <= INT_MAX / sizeof(struct drm_panthor_vm_bind_op);
}

static bool is_map(const struct drm_panthor_vm_bind_op *op)
{
	return (op->flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK) == DRM_PANTHOR_VM_BIND_OP_TYPE_MAP &&
		op->bo_handle;
}

/* Whether the op maps the null memory or the blackhole. The caller calls is_still_of() afterwards:
 * the intercept may belong to another descriptor by now. */
static bool maps_null(const struct vmb_panthor *panthor, const struct drm_panthor_vm_bind_op *op)
{
	return is_map(op) &&
		(op->bo_handle ==
				atomic_load_explicit(&panthor->null_memory, memory_order_acquire) ||
			op->bo_handle ==
				atomic_load_explicit(&panthor->blackhole, memory_order_acquire));
}

static bool is_reservation(
	const struct vmb_panthor_call *call, const struct drm_panthor_vm_bind_op *op)
{
	return call && call->kind == VMB_PANTHOR_CALL_RESERVE && is_map(op) &&
		op->bo_handle == call->bo;
}

static bool should_translate(const struct vmb_panthor *panthor, const struct vmb_panthor_call *call,
	const struct drm_panthor_vm_bind *bind)
{
	const struct drm_panthor_vm_bind_op *ops = ops_of(bind);

	for (uint32_t i = 0; i < bind->ops.count; i++) {
		if (maps_null(panthor, &ops[i]) || is_reservation(call, &ops[i]) ||
			(i && vmb_panthor_ops_merge(&ops[i - 1], &ops[i]))) {
			return true;
		}
	}
	return false;
}

/*
 * Unmaps a reservation whose map failed part-way. The driver assumes that a failed map mapped
 * nothing, and reuses the addresses, but some pieces of the reservation may be mapped. An error of
 * the unmap is ignored: the driver gets the error of the map.
 */
static void unmap_reservation(struct vmb_panthor *panthor, const struct drm_panthor_vm_bind *bind,
	struct vmb_panthor_call *call)
{
	const struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP,
		.va = call->va,
		.size = call->size,
	};
	struct vmb_panthor_batch batch;
	uint32_t failed;

	if (!call->size) {
		return;
	}
	call->size = 0;
	vmb_panthor_batch_init(&batch);
	if (vmb_panthor_batch_append(&batch, &op, 0) == 0) {
		vmb_panthor_send_for_driver(panthor, panthor->fd, bind, &batch, 0, &failed);
	}
	vmb_panthor_batch_finish(&batch);
}

/* Turns a map of a reservation, the null memory or the blackhole into a sparse op. Returns the BO
 * to map where the kernel has no sparse op; 0 if the op is unchanged. */
static uint32_t make_sparse(const struct vmb_panthor *panthor, const struct vmb_panthor_call *call,
	struct drm_panthor_vm_bind_op *op)
{
	bool reserves = is_reservation(call, op);
	uint32_t shown = reserves ? panthor->fallback_bo : op->bo_handle;

	if (!reserves && !maps_null(panthor, op)) {
		return 0;
	}
	op->flags |= SPARSE_FLAGS;
	op->bo_handle = 0;
	op->bo_offset = 0;
	return shown;
}

static int translate(struct vmb_panthor *panthor, struct vmb_panthor_call *call, int fd,
	struct drm_panthor_vm_bind *bind)
{
	const struct drm_panthor_vm_bind_op *ops = ops_of(bind);
	struct vmb_panthor_batch batch;
	uint32_t fallback_bo = 0;
	uint32_t failed = 0;
	int ret = 0;

	vmb_panthor_batch_init(&batch);
	for (uint32_t i = 0; i < bind->ops.count && ret == 0; i++) {
		struct drm_panthor_vm_bind_op op = ops[i];
		uint32_t shown = make_sparse(panthor, call, &op);
		fallback_bo = shown ? shown : fallback_bo;
		ret = vmb_panthor_batch_add(&batch, &op, i);
	}
	if (ret == 0) {
		ret = vmb_panthor_send_for_driver(panthor, fd, bind, &batch,
			vmb_panthor_has_sparse(panthor) ? 0 : fallback_bo, &failed);
	}
	vmb_panthor_batch_finish(&batch);
	if (ret < 0 && call && call->kind == VMB_PANTHOR_CALL_RESERVE) {
		unmap_reservation(panthor, bind, call);
	}
	if (ret < 0) {
		bind->ops.count = failed;
		return fail(ret);
	}
	return 0;
}

/* Whether all ops of a synchronous VM_BIND map the blackhole over parts of the new resource. */
static bool may_hold(const struct vmb_panthor *panthor, const struct drm_panthor_vm_bind *bind)
{
	const struct drm_panthor_vm_bind_op *ops = ops_of(bind);

	if (bind->flags != 0 || bind->vm_id != panthor->vm || !vmb_panthor_has_sparse(panthor)) {
		return false;
	}
	for (uint32_t i = 0; i < bind->ops.count; i++) {
		if (!maps_null(panthor, &ops[i]) || ops[i].syncs.count ||
			ops[i].size > UINT64_MAX - ops[i].va) {
			return false;
		}
	}
	return true;
}

/* Holds back the maps of a VM_BIND. A range that does not continue the held one sends the held one
 * first. Returns and sets errno as ioctl(2). */
static int hold(struct vmb_panthor *panthor, struct vmb_panthor_call *call,
	const struct drm_panthor_vm_bind *bind)
{
	const struct drm_panthor_vm_bind_op *ops = ops_of(bind);
	int ret = 0;

	for (uint32_t i = 0; i < bind->ops.count && ret == 0; i++) {
		if (ops[i].va != call->held_va + call->held_size) {
			ret = send_held(panthor, call);
		}
		if (!call->held_size) {
			call->held_va = ops[i].va;
		}
		call->held_size += ops[i].size;
	}
	return ret < 0 ? fail(ret) : 0;
}

/* Records the map of the BO that the driver created in the call. */
static void note_map(struct vmb_panthor_call *call, const struct drm_panthor_vm_bind *bind)
{
	const struct drm_panthor_vm_bind_op *ops = ops_of(bind);

	for (uint32_t i = 0; i < bind->ops.count; i++) {
		if (call->bo && is_map(&ops[i]) && ops[i].bo_handle == call->bo) {
			call->va = ops[i].va;
			call->size = ops[i].size;
			call->map_flags = ops[i].flags;
		}
	}
}

static int pass_traced(const struct vmb_panthor *panthor, vmb_ioctl_fn next, int fd,
	unsigned long request, struct drm_panthor_vm_bind *bind)
{
	uint64_t start_ns = vmb_clock_ns();
	uint32_t size = bind->ops.count;
	int ret = next(fd, request, bind);
	int error = ret < 0 ? -errno : 0;

	vmb_panthor_trace_ops(
		panthor, ops_of(bind), size, start_ns, error, ret < 0 ? bind->ops.count : size);
	errno = -error;
	return ret;
}

/* Whether the intercept still has this descriptor, so that the state read before is valid. */
static bool is_still_of(const struct vmb_panthor *panthor, int fd)
{
	return atomic_load_explicit(&panthor->intercept->fd, memory_order_relaxed) == fd;
}

static int vm_bind(struct vmb_panthor *panthor, struct vmb_panthor_call *call, vmb_ioctl_fn next,
	int fd, unsigned long request, void *arg)
{
	struct drm_panthor_vm_bind *bind = arg;

	/* The layer's own VM_BIND would lose further members of a longer struct. */
	if (_IOC_SIZE(request) != sizeof(*bind)) {
		return next(fd, request, arg);
	}
	add(&panthor->statistics.driver_ioctls, 1);
	add(&panthor->statistics.driver_ops, bind->ops.count);
	vmb_trace_add(panthor->trace, VMB_TRACE_OPS_SAVED, bind->ops.count);
	if (call && call->kind == VMB_PANTHOR_CALL_CREATE_SPARSE) {
		if (is_known(bind) && may_hold(panthor, bind)) {
			return hold(panthor, call, bind);
		}
		int ret = send_held(panthor, call);
		if (ret < 0) {
			return fail(ret);
		}
	}
	if (call && is_known(bind)) {
		note_map(call, bind);
	}
	if (call && call->kind == VMB_PANTHOR_CALL_MEASURE && call->size) {
		return 0;
	}
	if (is_known(bind) && should_translate(panthor, call, bind) && is_still_of(panthor, fd)) {
		return translate(panthor, call, fd, bind);
	}
	add(&panthor->statistics.sent_ioctls, 1);
	add(&panthor->statistics.sent_ops, bind->ops.count);
	if (panthor->trace && is_known(bind)) {
		return pass_traced(panthor, next, fd, request, bind);
	}
	return next(fd, request, arg);
}

static uint64_t whole_pages(uint64_t size)
{
	uint64_t mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;

	return size > UINT64_MAX - mask ? UINT64_MAX & ~mask : (size + mask) & ~mask;
}

static bool takes_addresses(const struct vmb_panthor_call *call)
{
	return call->kind == VMB_PANTHOR_CALL_RESERVE || call->kind == VMB_PANTHOR_CALL_MEASURE;
}

static int bo_create(struct vmb_panthor *panthor, struct vmb_panthor_call *call, vmb_ioctl_fn next,
	int fd, unsigned long request, void *arg)
{
	struct drm_panthor_bo_create *create = arg;

	if (!call || _IOC_SIZE(request) < sizeof(*create) || call->bo) {
		return next(fd, request, arg);
	}
	uint64_t asked = create->size;
	bool reserves = takes_addresses(call) && asked;
	if (reserves) {
		/* The driver needs a BO, but the layer never maps the BO's pages. */
		create->size = whole_pages(1);
	}
	int ret = next(fd, request, arg);
	if (reserves) {
		create->size = ret == 0 ? whole_pages(asked) : asked;
	}
	if (ret < 0) {
		return ret;
	}
	if (call->kind == VMB_PANTHOR_CALL_CREATE_SPARSE) {
		/* panvk creates its blackhole with the first sparse resource. */
		if (vmb_panthor_has_sparse(panthor) && (create->flags & DRM_PANTHOR_BO_NO_MMAP) &&
			create->size <= VMB_PANTHOR_CYCLE) {
			atomic_store_explicit(
				&panthor->blackhole, create->handle, memory_order_relaxed);
		}
		return ret;
	}
	call->bo = create->handle;
	call->bo_size = create->size;
	return ret;
}

static void clear_handle(_Atomic uint32_t *known, uint32_t handle)
{
	atomic_compare_exchange_strong_explicit(
		known, &handle, 0, memory_order_relaxed, memory_order_relaxed);
}

/* The handles are cleared before the close: afterwards the kernel may give the number to another
 * thread. */
static int gem_close(struct vmb_panthor *panthor, struct vmb_panthor_call *call, vmb_ioctl_fn next,
	int fd, unsigned long request, void *arg)
{
	const struct drm_gem_close *gem_close = arg;

	if (_IOC_SIZE(request) >= sizeof(*gem_close) && gem_close->handle) {
		clear_handle(&panthor->null_memory, gem_close->handle);
		clear_handle(&panthor->blackhole, gem_close->handle);
		if (call && call->bo == gem_close->handle) {
			call->bo = 0;
		}
	}
	return next(fd, request, arg);
}

static int handle_ioctl(void *subject, struct vmb_driver_call *base, vmb_ioctl_fn next, int fd,
	unsigned long request, void *arg)
{
	struct vmb_panthor *panthor = subject;
	struct vmb_panthor_call *call = (struct vmb_panthor_call *)base;

	/* The kernel dispatches by the number alone. The size in the request may differ. */
	switch (_IOC_NR(request)) {
	case _IOC_NR(DRM_IOCTL_PANTHOR_VM_BIND):
		return vm_bind(panthor, call, next, fd, request, arg);
	case _IOC_NR(DRM_IOCTL_PANTHOR_BO_CREATE):
		return bo_create(panthor, call, next, fd, request, arg);
	case _IOC_NR(DRM_IOCTL_GEM_CLOSE):
		return gem_close(panthor, call, next, fd, request, arg);
	default:
		return next(fd, request, arg);
	}
}

static void *find_subject(struct vmb_intercept *intercept, int fd)
{
	(void)fd;
	return vmb_intercept_state(intercept);
}

/*
 * Takes the descriptor away from stale intercepts. If vkCreateDevice fails, the driver closes its
 * descriptor before the layer destroys the intercept. Meanwhile another file may get the number.
 * One file has no two VMs with the same id, so an intercept with the same descriptor and VM is
 * stale. The caller holds the lock of the intercepts.
 */
static void clear_stale(int fd, uint32_t vm)
{
	struct vmb_intercept *intercept = NULL;

	while ((intercept = vmb_intercepts_next(&vmb_panthor_translator, intercept))) {
		const struct vmb_panthor *panthor = vmb_intercept_state(intercept);
		int had = fd;
		if (atomic_load_explicit(&intercept->fd, memory_order_relaxed) == fd &&
			panthor->vm == vm) {
			atomic_compare_exchange_strong(&intercept->fd, &had, -1);
		}
	}
}

static bool is_panthor_1(vmb_ioctl_fn next, int fd, struct vmb_kernel_driver *driver)
{
	return vmb_kernel_driver_ask(next, fd, driver) == 0 &&
		strcmp(driver->name, "panthor") == 0 && driver->major == 1;
}

/* The driver creates its VM in vkCreateDevice. That ioctl shows the descriptor of the device. */
static bool learn_fd(struct vmb_driver_call *base, vmb_ioctl_fn next, int fd, unsigned long request,
	void *arg, int *ret)
{
	const struct vmb_panthor_call *call = (const struct vmb_panthor_call *)base;
	struct vmb_panthor *panthor = vmb_intercept_state(base->intercept);
	const struct drm_panthor_vm_create *create = arg;
	struct vmb_kernel_driver driver;

	if (call->kind != VMB_PANTHOR_CALL_CREATE_DEVICE ||
		_IOC_NR(request) != _IOC_NR(DRM_IOCTL_PANTHOR_VM_CREATE)) {
		return false;
	}
	*ret = next(fd, request, arg);
	if (*ret < 0 || _IOC_SIZE(request) < sizeof(*create)) {
		return true;
	}
	int error = errno;
	if (is_panthor_1(next, fd, &driver)) {
		vmb_intercepts_lock();
		clear_stale(fd, create->id);
		*panthor = (struct vmb_panthor){
			.intercept = base->intercept,
			.trace = panthor->trace,
			.ioctl = next,
			.fd = fd,
			.vm = create->id,
			.minor = driver.minor,
		};
		vmb_intercept_set_fd(base->intercept, fd);
		vmb_intercepts_unlock();
	}
	errno = error;
	return true;
}

void vmb_panthor_call_begin(struct vmb_panthor_call *call, struct vmb_intercept *intercept,
	enum vmb_panthor_call_kind kind)
{
	*call = (struct vmb_panthor_call){ .kind = kind };
	vmb_driver_call_begin(&call->base, intercept);
}

static int call_end(struct vmb_driver_call *base)
{
	return send_held(vmb_intercept_state(base->intercept), (struct vmb_panthor_call *)base);
}

/* Keeps the state: other threads may still read it. learn_fd() overwrites it for the next
 * device. */
static void forget_intercept(struct vmb_intercept *intercept)
{
	(void)intercept;
}

const struct vmb_translator vmb_panthor_translator = {
	.state_size = sizeof(struct vmb_panthor),
	.learn = learn_fd,
	.subject = find_subject,
	.ioctl = handle_ioctl,
	.call_end = call_end,
	.forget = forget_intercept,
};
