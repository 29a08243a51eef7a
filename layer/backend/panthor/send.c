/* SPDX-License-Identifier: MIT */
#include "backend/panthor/send.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

/* If memory is short, sparse ops are cut into pieces of at least this size: a huge page, in
 * bytes. */
#define SPARSE_MIN (UINT64_C(2) << 20)

static void add(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
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

/* The kernel does not report the time of each op, so the ops share the time of the ioctl evenly. */
void vmb_panthor_trace_ops(const struct vmb_panthor *panthor,
	const struct drm_panthor_vm_bind_op *ops, size_t count, uint64_t start_ns, int error,
	size_t failed)
{
	struct vmb_trace_args args = { 0 };
	uint64_t end_ns = vmb_clock_ns();

	vmb_trace_number(&args, "ops", count);
	if (error) {
		vmb_trace_text(&args, "error", strerror(-error));
	}
	vmb_trace_system_call(panthor->trace, "VM_BIND", &args, start_ns, end_ns);
	for (size_t i = 0; i < count; i++) {
		const struct vmb_trace_op event = {
			.kind = kind_of(&ops[i]),
			.va = ops[i].va,
			.size = ops[i].size,
			.backing = ops[i].bo_handle,
			.offset = ops[i].bo_offset,
			.error = i < failed ? 0 : error,
		};
		vmb_trace_op(panthor->trace, &event, start_ns + (end_ns - start_ns) * i / count,
			start_ns + (end_ns - start_ns) * (i + 1) / count);
	}
}

/* A batch on its way to the kernel. */
struct sending {
	struct vmb_panthor *panthor;
	int fd;
	const struct drm_panthor_vm_bind *how;
	struct vmb_panthor_batch *batch;
	uint32_t fallback_bo; /* as in vmb_panthor_batch_cut() */
	size_t most; /* most ops in one ioctl */
	size_t done; /* the number of the batch's first ops that are executed or submitted */
	bool begun; /* an op is executed or submitted; the batch may have dropped it since */
	uint64_t ioctls;
};

/* Sends the next ops of a batch in one ioctl. 0, or a negative errno. */
static int send_ops(struct sending *sending, size_t size)
{
	struct vmb_panthor *panthor = sending->panthor;
	const struct drm_panthor_vm_bind_op *ops = &sending->batch->ops[sending->done];
	struct drm_panthor_vm_bind bind;
	size_t taken = size;
	int ret;

	uint64_t start = panthor->trace ? vmb_clock_ns() : 0;
	do {
		/* The kernel overwrites the count. */
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
		/* A failed synchronous VM_BIND returns the index of the failed op in the count. */
		taken = bind.ops.count < size ? bind.ops.count : 0;
	}
	if (panthor->trace) {
		vmb_panthor_trace_ops(panthor, ops, size, start, ret, taken);
	}
	sending->done += taken;
	sending->begun |= taken > 0;
	add(&panthor->statistics.sent_ops, taken);
	return ret;
}

/*
 * Called after -ENOMEM. refused is the number of the ioctl's ops that were not taken. The kernel
 * reserves memory for all ops of an ioctl, and for the page tables of an op's whole range. So the
 * next ioctl has fewer ops, or a sparse op is cut into smaller ones. -ENOMEM if neither is
 * possible.
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
	/* Send one piece in each ioctl: all pieces together need as much memory as before. */
	sending->most = 1;
	uint64_t half = (op->size / 2 + SPARSE_MIN - 1) / SPARSE_MIN * SPARSE_MIN;
	vmb_panthor_batch_drop(batch, sending->done);
	sending->done = 0;
	return vmb_panthor_batch_cut(batch, half, 0);
}

/* Sends a batch in as many ioctls as needed. The result is the same as with one: each op keeps its
 * sync ops, and the kernel executes ops in order across ioctls. */
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
			add(&panthor->statistics.sparse_ranges, 1);
			add(&panthor->statistics.sparse_bytes, batch->ops[i].size);
		}
	}
}

/* On failure *source is the source of the failed op. */
static int send_batch(struct sending *sending, uint32_t *source)
{
	struct vmb_panthor_batch *batch = sending->batch;

	count_sparse(sending->panthor, batch);
	int ret = vmb_panthor_batch_cut(batch, VMB_PANTHOR_SPARSE_MAX, sending->fallback_bo);
	if (ret == 0) {
		ret = send_all(sending);
	}
	add(&sending->panthor->statistics.sent_ioctls, sending->ioctls);
	*source = sending->done < batch->count ? batch->sources[sending->done] : 0;
	/* A failed asynchronous ioctl executes none of its ops. But here an earlier ioctl of the
	 * batch succeeded, so the kernel executes a part of the batch. */
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
		.fallback_bo = panthor->fallback_bo,
		.most = VMB_PANTHOR_OPS_MAX,
	};
	uint32_t source;

	int ret = batch->count ? send_batch(&sending, &source) : 0;
	*ioctls = sending.ioctls;
	return ret;
}

int vmb_panthor_send_for_driver(struct vmb_panthor *panthor, int fd,
	const struct drm_panthor_vm_bind *bind, struct vmb_panthor_batch *batch,
	uint32_t fallback_bo, uint32_t *source)
{
	struct sending sending = {
		.panthor = panthor,
		.fd = fd,
		.how = bind,
		.batch = batch,
		.fallback_bo = fallback_bo,
		/* One ioctl, as the driver made it, unless memory is short. */
		.most = UINT32_MAX,
	};

	return send_batch(&sending, source);
}
