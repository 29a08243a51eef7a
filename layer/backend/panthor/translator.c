/* SPDX-License-Identifier: MIT */
#include "backend/panthor/translator.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ioctl/intercept.h"

/* What is refused for want of memory is tried in pieces down to this size, a huge page. */
#define SPARSE_MIN (UINT64_C(2) << 20)

#define SPARSE_FLAGS (DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE | DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC)

static void count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

static int fail(int error)
{
	errno = -error;
	return -1;
}

static const char *kind_of(const struct drm_panthor_vm_bind_op *op)
{
	switch (op->flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK) {
	case DRM_PANTHOR_VM_BIND_OP_TYPE_MAP:
		return op->flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE ? "sparse" : "map";
	case DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP:
		return "unmap";
	default:
		return "sync";
	}
}

/* The ops of an ioctl that began at start; those before failed were executed, all if error is 0. What
 * each of them took only the kernel knows: they share the ioctl's time evenly. */
static void trace_ops(const struct vmb_panthor *panthor, const struct drm_panthor_vm_bind_op *ops,
	size_t count, uint64_t start, int error, size_t failed)
{
	struct vmb_trace_args args = { 0 };
	uint64_t end = vmb_trace_now();

	vmb_trace_number(&args, "ops", count);
	if (error) {
		vmb_trace_text(&args, "error", strerror(-error));
	}
	vmb_trace_system_call(panthor->trace, "VM_BIND", &args, start, end);
	for (size_t i = 0; i < count; i++) {
		const struct vmb_trace_op event = {
			.kind = kind_of(&ops[i]),
			.va = ops[i].va,
			.size = ops[i].size,
			.backing = ops[i].bo_handle,
			.offset = ops[i].bo_offset,
			.error = i < failed ? 0 : error,
		};
		vmb_trace_op(panthor->trace, &event, start + (end - start) * i / count,
			start + (end - start) * (i + 1) / count);
	}
}

/* A batch on its way to the kernel. */
struct sending {
	struct vmb_panthor *panthor;
	int fd;
	const struct drm_panthor_vm_bind *how;
	struct vmb_panthor_batch *batch;
	uint32_t filler; /* as vmb_panthor_batch_cut() takes it */
	size_t most; /* ops that go into one ioctl */
	size_t done; /* ops of the batch that the kernel has taken, from the first on */
	bool begun; /* it has taken some, which may be in the batch no more */
	uint64_t ioctls;
};

/* The next ops of a batch in one ioctl. */
static int send_ops(struct sending *sending, size_t size)
{
	struct vmb_panthor *panthor = sending->panthor;
	const struct drm_panthor_vm_bind_op *ops = &sending->batch->ops[sending->done];
	struct drm_panthor_vm_bind bind;
	size_t taken = size;
	int ret;

	uint64_t start = panthor->trace ? vmb_trace_now() : 0;
	do {
		/* The kernel writes the count: each try has to have the right one. */
		bind = (struct drm_panthor_vm_bind){
			.vm_id = sending->how->vm_id,
			.flags = sending->how->flags,
			.ops = DRM_PANTHOR_OBJ_ARRAY((uint32_t)size, ops),
		};
		ret = panthor->ioctl(sending->fd, DRM_IOCTL_PANTHOR_VM_BIND, &bind);
		sending->ioctls++;
	} while (ret < 0 && (errno == EINTR || errno == EAGAIN));
	ret = ret < 0 ? -errno : 0;
	if (ret < 0) {
		/* Of a synchronous one, those before that which the kernel names. */
		taken = bind.ops.count < size ? bind.ops.count : 0;
	}
	if (panthor->trace) {
		trace_ops(panthor, ops, size, start, ret, taken);
	}
	sending->done += taken;
	sending->begun |= taken > 0;
	count(&panthor->stats.sent_ops, taken);
	return ret;
}

/*
 * The kernel sets memory aside for all ops of an ioctl, and for the page tables of an op's whole range:
 * fewer ops may pass where many did not, and smaller ones where a large one by itself did not.
 * -ENOMEM if there is nothing more to try.
 */
static int make_smaller(struct sending *sending, size_t refused)
{
	struct vmb_panthor_batch *batch = sending->batch;
	const struct drm_panthor_vm_bind_op *op = &batch->ops[sending->done];

	if (refused > 1) {
		sending->most = refused / 2;
		return 0;
	}
	if (!(op->flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE) || op->size <= SPARSE_MIN) {
		return -ENOMEM;
	}
	/* The pieces together need as much as the whole: one at a time. */
	sending->most = 1;
	uint64_t half = (op->size / 2 + SPARSE_MIN - 1) / SPARSE_MIN * SPARSE_MIN;
	vmb_panthor_batch_drop(batch, sending->done);
	sending->done = 0;
	return vmb_panthor_batch_cut(batch, half, 0);
}

/* Synchronization belongs to ops, and the kernel executes them in their order in whatever ioctls they
 * come: to split them changes nothing. */
static int send_all(struct sending *sending)
{
	const struct vmb_panthor_batch *batch = sending->batch;
	int ret = 0;

	while (ret == 0 && sending->done < batch->count) {
		size_t left = batch->count - sending->done;
		size_t before = sending->done;
		size_t size = left < sending->most ? left : sending->most;
		ret = send_ops(sending, size);
		if (ret == -ENOMEM) {
			ret = make_smaller(sending, size - (sending->done - before));
		}
	}
	return ret;
}

static void count_sparse(struct vmb_panthor *panthor, const struct vmb_panthor_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		if (batch->ops[i].flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE) {
			count(&panthor->stats.sparse_ranges, 1);
			count(&panthor->stats.sparse_bytes, batch->ops[i].size);
		}
	}
}

/* *source is the op that failed, in the words of whoever filled the batch. */
static int send(struct sending *sending, uint32_t *source)
{
	struct vmb_panthor_batch *batch = sending->batch;

	count_sparse(sending->panthor, batch);
	int ret = vmb_panthor_batch_cut(batch, VMB_PANTHOR_SPARSE_MAX, sending->filler);
	if (ret == 0) {
		ret = send_all(sending);
	}
	count(&sending->panthor->stats.sent_ioctls, sending->ioctls);
	*source = sending->done < batch->count ? batch->sources[sending->done] : 0;
	/* The kernel takes an asynchronous batch as a whole or not at all, and that is what its other
	 * errors say to whoever sent it. */
	if (ret < 0 && sending->begun && (sending->how->flags & DRM_PANTHOR_VM_BIND_ASYNC)) {
		ret = -EIO;
	}
	return ret;
}

int vmb_panthor_bind(
	struct vmb_panthor *panthor, struct vmb_panthor_batch *batch, bool async, uint64_t *ioctls)
{
	const struct drm_panthor_vm_bind how = {
		.vm_id = panthor->vm,
		.flags = async ? DRM_PANTHOR_VM_BIND_ASYNC : 0,
	};
	struct sending sending = {
		.panthor = panthor,
		.fd = panthor->fd,
		.how = &how,
		.batch = batch,
		.filler = panthor->filler,
		.most = VMB_PANTHOR_OPS_MAX,
	};
	uint32_t source;

	int ret = batch->count ? send(&sending, &source) : 0;
	*ioctls = sending.ioctls;
	return ret;
}

int vmb_panthor_flush(struct vmb_panthor *panthor, struct vmb_panthor_scope *scope)
{
	const struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP | SPARSE_FLAGS,
		.va = scope->held_va,
		.size = scope->held_size,
	};
	struct vmb_panthor_batch batch;
	uint64_t ioctls;

	if (!scope->held_size) {
		return 0;
	}
	scope->held_size = 0;
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

/* A driver that knows a longer op than we do may say with it what we do not understand. */
static bool is_known(const struct drm_panthor_vm_bind *bind)
{
	return bind->ops.count && bind->ops.array &&
		bind->ops.stride == sizeof(struct drm_panthor_vm_bind_op);
}

static bool is_map(const struct drm_panthor_vm_bind_op *op)
{
	return (op->flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK) == DRM_PANTHOR_VM_BIND_OP_TYPE_MAP &&
		op->bo_handle;
}

/* Whether the driver maps what stands for a range without memory. Whose tap it is may be asked after this,
 * and not before. */
static bool is_nothing(const struct vmb_panthor *panthor, const struct drm_panthor_vm_bind_op *op)
{
	return is_map(op) &&
		(op->bo_handle == atomic_load_explicit(&panthor->hole, memory_order_acquire) ||
			op->bo_handle ==
				atomic_load_explicit(&panthor->dummy, memory_order_acquire));
}

static bool is_reservation(const struct vmb_scope *scope, const struct drm_panthor_vm_bind_op *op)
{
	return scope && scope->kind == VMB_SCOPE_RESERVE && is_map(op) &&
		op->bo_handle == scope->panthor.bo;
}

static bool is_to_change(const struct vmb_panthor *panthor, const struct vmb_scope *scope,
	const struct drm_panthor_vm_bind *bind)
{
	const struct drm_panthor_vm_bind_op *ops = ops_of(bind);

	for (uint32_t i = 0; i < bind->ops.count; i++) {
		if (is_nothing(panthor, &ops[i]) || is_reservation(scope, &ops[i]) ||
			(i && vmb_panthor_ops_merge(&ops[i - 1], &ops[i]))) {
			return true;
		}
	}
	return false;
}

/*
 * A driver to which a map is refused takes it that nothing was mapped, and gives the addresses away as
 * they are. But some pieces of a reservation may have been mapped before one was refused. Where even
 * this is refused there is nothing left to try: the error is that of the map.
 */
static void take_back(struct vmb_panthor *panthor, const struct drm_panthor_vm_bind *how,
	struct vmb_panthor_scope *scope)
{
	const struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP,
		.va = scope->va,
		.size = scope->size,
	};
	struct vmb_panthor_batch batch;
	struct sending sending = {
		.panthor = panthor,
		.fd = panthor->fd,
		.how = how,
		.batch = &batch,
		.most = 1,
	};
	uint32_t failed;

	if (!scope->size) {
		return;
	}
	scope->size = 0;
	vmb_panthor_batch_init(&batch);
	if (vmb_panthor_batch_add(&batch, &op, 0) == 0) {
		send(&sending, &failed);
	}
	vmb_panthor_batch_finish(&batch);
}

static int translate(struct vmb_panthor *panthor, struct vmb_scope *scope, int fd,
	struct drm_panthor_vm_bind *bind)
{
	const struct drm_panthor_vm_bind_op *ops = ops_of(bind);
	struct vmb_panthor_batch batch;
	/* As many ops in one ioctl as the driver's own has, and more where cutting makes more. */
	struct sending sending = {
		.panthor = panthor,
		.fd = fd,
		.how = bind,
		.batch = &batch,
		.most = UINT32_MAX,
	};
	uint32_t filler = 0;
	uint32_t failed = 0;
	int ret = 0;

	vmb_panthor_batch_init(&batch);
	for (uint32_t i = 0; i < bind->ops.count && ret == 0; i++) {
		struct drm_panthor_vm_bind_op op = ops[i];
		bool reserves = is_reservation(scope, &op);
		if (reserves || is_nothing(panthor, &op)) {
			filler = reserves ? panthor->filler : op.bo_handle;
			op.flags |= SPARSE_FLAGS;
			op.bo_handle = 0;
			op.bo_offset = 0;
		}
		ret = vmb_panthor_batch_add(&batch, &op, i);
	}
	if (ret == 0) {
		sending.filler = vmb_panthor_has_sparse(panthor) ? 0 : filler;
		ret = send(&sending, &failed);
	}
	vmb_panthor_batch_finish(&batch);
	if (ret < 0 && scope && scope->kind == VMB_SCOPE_RESERVE) {
		take_back(panthor, bind, &scope->panthor);
	}
	if (ret < 0) {
		bind->ops.count = failed;
		return fail(ret);
	}
	return 0;
}

/* Whether all that the driver wants is to map its dummy over a part of the new resource. */
static bool is_holdable(const struct vmb_panthor *panthor, const struct drm_panthor_vm_bind *bind)
{
	const struct drm_panthor_vm_bind_op *ops = ops_of(bind);

	if (bind->flags != 0 || bind->vm_id != panthor->vm || !vmb_panthor_has_sparse(panthor)) {
		return false;
	}
	for (uint32_t i = 0; i < bind->ops.count; i++) {
		if (!is_nothing(panthor, &ops[i]) || ops[i].syncs.count ||
			ops[i].size > UINT64_MAX - ops[i].va) {
			return false;
		}
	}
	return true;
}

static int hold(struct vmb_panthor *panthor, struct vmb_panthor_scope *scope,
	const struct drm_panthor_vm_bind *bind)
{
	const struct drm_panthor_vm_bind_op *ops = ops_of(bind);
	int ret = 0;

	for (uint32_t i = 0; i < bind->ops.count && ret == 0; i++) {
		if (ops[i].va != scope->held_va + scope->held_size) {
			ret = vmb_panthor_flush(panthor, scope);
		}
		if (!scope->held_size) {
			scope->held_va = ops[i].va;
		}
		scope->held_size += ops[i].size;
	}
	return ret < 0 ? fail(ret) : 0;
}

/* Where the driver maps the BO that it created in the scope. */
static void note_map(struct vmb_panthor_scope *scope, const struct drm_panthor_vm_bind *bind)
{
	const struct drm_panthor_vm_bind_op *ops = ops_of(bind);

	for (uint32_t i = 0; i < bind->ops.count; i++) {
		if (scope->bo && is_map(&ops[i]) && ops[i].bo_handle == scope->bo) {
			scope->va = ops[i].va;
			scope->size = ops[i].size;
			scope->map_flags = ops[i].flags;
		}
	}
}

static int pass_traced(const struct vmb_panthor *panthor, vmb_ioctl_fn next, int fd,
	unsigned long request, struct drm_panthor_vm_bind *bind)
{
	uint64_t start = vmb_trace_now();
	uint32_t size = bind->ops.count;
	int ret = next(fd, request, bind);
	int error = ret < 0 ? -errno : 0;

	trace_ops(panthor, ops_of(bind), size, start, error, ret < 0 ? bind->ops.count : size);
	errno = -error;
	return ret;
}

/* Asked after what is known of the tap was read: if it still is, that was of the descriptor. */
static bool is_still_of(const struct vmb_tap *tap, int fd)
{
	return atomic_load_explicit(&tap->fd, memory_order_relaxed) == fd;
}

static int vm_bind(struct vmb_tap *tap, struct vmb_scope *scope, vmb_ioctl_fn next, int fd,
	unsigned long request, void *arg)
{
	struct vmb_panthor *panthor = &tap->panthor;
	struct drm_panthor_vm_bind *bind = arg;

	/* What a longer one says besides is lost where we send our own. */
	if (_IOC_SIZE(request) != sizeof(*bind)) {
		return next(fd, request, arg);
	}
	count(&panthor->stats.driver_ioctls, 1);
	count(&panthor->stats.driver_ops, bind->ops.count);
	vmb_trace_add(panthor->trace, VMB_TRACE_OPS_SAVED, bind->ops.count);
	if (scope && scope->kind == VMB_SCOPE_SPARSE) {
		if (is_known(bind) && is_holdable(panthor, bind)) {
			return hold(panthor, &scope->panthor, bind);
		}
		int ret = vmb_panthor_flush(panthor, &scope->panthor);
		if (ret < 0) {
			return fail(ret);
		}
	}
	if (scope && is_known(bind)) {
		note_map(&scope->panthor, bind);
	}
	if (scope && scope->kind == VMB_SCOPE_MEASURE && scope->panthor.size) {
		return 0;
	}
	if (is_known(bind) && is_to_change(panthor, scope, bind) && is_still_of(tap, fd)) {
		return translate(panthor, scope, fd, bind);
	}
	count(&panthor->stats.sent_ioctls, 1);
	count(&panthor->stats.sent_ops, bind->ops.count);
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

static bool takes_addresses(const struct vmb_scope *scope)
{
	return scope->kind == VMB_SCOPE_RESERVE || scope->kind == VMB_SCOPE_MEASURE;
}

static int bo_create(struct vmb_panthor *panthor, struct vmb_scope *scope, vmb_ioctl_fn next,
	int fd, unsigned long request, void *arg)
{
	struct drm_panthor_bo_create *create = arg;

	if (!scope || _IOC_SIZE(request) < sizeof(*create) || scope->panthor.bo) {
		return next(fd, request, arg);
	}
	uint64_t asked = create->size;
	bool reserves = takes_addresses(scope) && asked;
	if (reserves) {
		/* For the driver to hold: nothing of it is ever mapped. */
		create->size = whole_pages(1);
	}
	int ret = next(fd, request, arg);
	if (reserves) {
		create->size = ret == 0 ? whole_pages(asked) : asked;
	}
	if (ret < 0) {
		return ret;
	}
	if (scope->kind == VMB_SCOPE_SPARSE) {
		/* What the driver fills sparse ranges with; it makes it when it first has to. */
		if (vmb_panthor_has_sparse(panthor) && (create->flags & DRM_PANTHOR_BO_NO_MMAP) &&
			create->size <= VMB_PANTHOR_CYCLE) {
			atomic_store_explicit(
				&panthor->dummy, create->handle, memory_order_relaxed);
		}
		return ret;
	}
	scope->panthor.bo = create->handle;
	scope->panthor.bo_size = create->size;
	return ret;
}

static void forget(_Atomic uint32_t *known, uint32_t handle)
{
	atomic_compare_exchange_strong_explicit(
		known, &handle, 0, memory_order_relaxed, memory_order_relaxed);
}

/* Forgotten first: once it is closed, another thread may be given the same number. */
static int gem_close(struct vmb_panthor *panthor, struct vmb_scope *scope, vmb_ioctl_fn next,
	int fd, unsigned long request, void *arg)
{
	const struct drm_gem_close *gem_close = arg;

	if (_IOC_SIZE(request) >= sizeof(*gem_close) && gem_close->handle) {
		forget(&panthor->hole, gem_close->handle);
		forget(&panthor->dummy, gem_close->handle);
		if (scope && scope->panthor.bo == gem_close->handle) {
			scope->panthor.bo = 0;
		}
	}
	return next(fd, request, arg);
}

int vmb_panthor_ioctl(struct vmb_tap *tap, struct vmb_scope *scope, vmb_ioctl_fn next, int fd,
	unsigned long request, void *arg)
{
	/* The kernel goes by the number: the size is that of the struct as the driver knows it. */
	switch (_IOC_NR(request)) {
	case _IOC_NR(DRM_IOCTL_PANTHOR_VM_BIND):
		return vm_bind(tap, scope, next, fd, request, arg);
	case _IOC_NR(DRM_IOCTL_PANTHOR_BO_CREATE):
		return bo_create(&tap->panthor, scope, next, fd, request, arg);
	case _IOC_NR(DRM_IOCTL_GEM_CLOSE):
		return gem_close(&tap->panthor, scope, next, fd, request, arg);
	default:
		return next(fd, request, arg);
	}
}
