/* SPDX-License-Identifier: MIT */
#include "backend/panthor/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"

/* Sync ops that the batch owns. */
struct vmb_panthor_syncs {
	struct vmb_panthor_syncs *next;
	struct drm_panthor_sync_op ops[];
};

void vmb_panthor_batch_init(struct vmb_panthor_batch *batch)
{
	batch->ops = batch->few.ops;
	batch->sources = batch->few.sources;
	batch->count = 0;
	batch->capacity = VMB_PANTHOR_BATCH_INLINE;
	batch->syncs = NULL;
}

void vmb_panthor_batch_finish(struct vmb_panthor_batch *batch)
{
	struct vmb_panthor_syncs *syncs;

	while ((syncs = batch->syncs)) {
		batch->syncs = syncs->next;
		free(syncs);
	}
	if (batch->ops != batch->few.ops) {
		free(batch->ops);
	}
}

static int grow(struct vmb_panthor_batch *batch)
{
	const size_t each = sizeof(batch->ops[0]) + sizeof(batch->sources[0]);

	if (batch->capacity > SIZE_MAX / each / 2) {
		return -ENOMEM;
	}
	size_t capacity = 2 * batch->capacity;
	struct drm_panthor_vm_bind_op *ops = malloc(capacity * each);
	if (!ops) {
		return -ENOMEM;
	}
	uint32_t *sources = (uint32_t *)(ops + capacity);
	memcpy(ops, batch->ops, batch->count * sizeof(*ops));
	memcpy(sources, batch->sources, batch->count * sizeof(*sources));
	if (batch->ops != batch->few.ops) {
		free(batch->ops);
	}
	batch->ops = ops;
	batch->sources = sources;
	batch->capacity = capacity;
	return 0;
}

int vmb_panthor_batch_append(
	struct vmb_panthor_batch *batch, const struct drm_panthor_vm_bind_op *op, uint32_t source)
{
	if (batch->count == batch->capacity && grow(batch) < 0) {
		return -ENOMEM;
	}
	batch->ops[batch->count] = *op;
	batch->sources[batch->count++] = source;
	return 0;
}

/* NULL if memory is short. */
static struct drm_panthor_sync_op *new_syncs(struct vmb_panthor_batch *batch, size_t count)
{
	struct vmb_panthor_syncs *syncs = malloc(sizeof(*syncs) + count * sizeof(syncs->ops[0]));

	if (!syncs) {
		return NULL;
	}
	syncs->next = batch->syncs;
	batch->syncs = syncs;
	return syncs->ops;
}

/* Whether this code knows all members of an op's sync ops: a longer struct may have others. */
static bool knows_syncs(const struct drm_panthor_obj_array *syncs)
{
	return syncs->count == 0 ||
		(syncs->array && syncs->stride == sizeof(struct drm_panthor_sync_op));
}

static const struct drm_panthor_sync_op *syncs_of(const struct drm_panthor_obj_array *syncs)
{
	return (const struct drm_panthor_sync_op *)(uintptr_t)syncs->array;
}

static bool is_signal(const struct drm_panthor_sync_op *sync)
{
	return sync->flags & DRM_PANTHOR_SYNC_OP_SIGNAL;
}

static size_t count_signals(const struct drm_panthor_obj_array *syncs)
{
	size_t signals = 0;

	for (uint32_t i = 0; i < syncs->count; i++) {
		signals += is_signal(&syncs_of(syncs)[i]);
	}
	return signals;
}

/* Whether the first op has no signals, and the second has no waits. */
static bool is_unsynchronized(
	const struct drm_panthor_vm_bind_op *first, const struct drm_panthor_vm_bind_op *second)
{
	return knows_syncs(&first->syncs) && knows_syncs(&second->syncs) &&
		count_signals(&first->syncs) == 0 &&
		count_signals(&second->syncs) == second->syncs.count;
}

/* The op as an op of a plan. The caller compares only ops with equal flags. */
static struct vmb_op range_of(const struct drm_panthor_vm_bind_op *op)
{
	return (struct vmb_op){
		.va = op->va,
		.size = op->size,
		.offset = op->bo_handle ? op->bo_offset : 0,
		.backing = op->bo_handle,
		.kind = op->bo_handle ? VMB_OP_MAP : VMB_OP_SPARSE,
	};
}

static bool has_range(const struct drm_panthor_vm_bind_op *op)
{
	uint32_t type = op->flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK;

	return type == DRM_PANTHOR_VM_BIND_OP_TYPE_MAP || type == DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP;
}

/* The range of both ops together, if they merge. */
static bool merge_ranges(const struct drm_panthor_vm_bind_op *first,
	const struct drm_panthor_vm_bind_op *second, struct vmb_op *merged)
{
	const struct vmb_op next = range_of(second);

	*merged = range_of(first);
	return first->flags == second->flags && has_range(second) && vmb_op_valid(merged) &&
		vmb_op_valid(&next) && is_unsynchronized(first, second) &&
		vmb_op_join(merged, &next);
}

bool vmb_panthor_ops_merge(
	const struct drm_panthor_vm_bind_op *first, const struct drm_panthor_vm_bind_op *second)
{
	struct vmb_op merged;

	return merge_ranges(first, second, &merged);
}

static int merge_syncs(struct vmb_panthor_batch *batch, struct drm_panthor_obj_array *syncs,
	const struct drm_panthor_obj_array *more)
{
	if (more->count == 0) {
		return 0;
	}
	if (syncs->count == 0) {
		*syncs = *more;
		return 0;
	}
	if (more->count > UINT32_MAX - syncs->count) {
		return -ENOMEM;
	}
	struct drm_panthor_sync_op *ops = new_syncs(batch, (size_t)syncs->count + more->count);
	if (!ops) {
		return -ENOMEM;
	}
	memcpy(ops, syncs_of(syncs), syncs->count * sizeof(*ops));
	memcpy(ops + syncs->count, syncs_of(more), more->count * sizeof(*ops));
	syncs->array = (uintptr_t)ops;
	syncs->count += more->count;
	return 0;
}

int vmb_panthor_batch_add(
	struct vmb_panthor_batch *batch, const struct drm_panthor_vm_bind_op *op, uint32_t source)
{
	struct drm_panthor_vm_bind_op *last = batch->count ? &batch->ops[batch->count - 1] : NULL;
	struct vmb_op merged;

	if (!last || !merge_ranges(last, op, &merged)) {
		return vmb_panthor_batch_append(batch, op, source);
	}
	if (merge_syncs(batch, &last->syncs, &op->syncs) < 0) {
		return -ENOMEM;
	}
	last->va = merged.va;
	last->size = merged.size;
	last->bo_offset = last->bo_handle ? merged.offset : last->bo_offset;
	return 0;
}

/* Splits an op's sync ops into waits and signals. */
static int split_syncs(struct vmb_panthor_batch *batch, const struct drm_panthor_obj_array *syncs,
	struct drm_panthor_obj_array *waits, struct drm_panthor_obj_array *signals)
{
	size_t signal_count = count_signals(syncs);
	size_t wait_count = syncs->count - signal_count;

	*waits = *signals = (struct drm_panthor_obj_array){ 0 };
	if (wait_count == 0 || signal_count == 0) {
		*(signal_count ? signals : waits) = *syncs;
		return 0;
	}
	struct drm_panthor_sync_op *ops = new_syncs(batch, syncs->count);
	if (!ops) {
		return -ENOMEM;
	}
	struct drm_panthor_sync_op *wait = ops;
	struct drm_panthor_sync_op *signal = ops + wait_count;
	for (uint32_t i = 0; i < syncs->count; i++) {
		const struct drm_panthor_sync_op *sync = &syncs_of(syncs)[i];
		*(is_signal(sync) ? signal++ : wait++) = *sync;
	}
	*waits = (struct drm_panthor_obj_array){
		.stride = sizeof(*ops),
		.count = (uint32_t)wait_count,
		.array = (uintptr_t)ops,
	};
	*signals = (struct drm_panthor_obj_array){
		.stride = sizeof(*ops),
		.count = (uint32_t)signal_count,
		.array = (uintptr_t)(ops + wait_count),
	};
	return 0;
}

/* The size of the first piece of a sparse op. */
static uint64_t piece_size(
	const struct drm_panthor_vm_bind_op *op, uint64_t max, uint32_t fallback_bo)
{
	/* A piece ends at a multiple of VMB_PANTHOR_CYCLE, the size of a huge page: addresses and
	 * BO offsets then have the same alignment, so that the GPU can use huge pages. */
	uint64_t size = fallback_bo ? VMB_PANTHOR_CYCLE - op->va % VMB_PANTHOR_CYCLE : max;

	return size < op->size ? size : op->size;
}

static void show_fallback(struct drm_panthor_vm_bind_op *piece, uint32_t fallback_bo)
{
	if (fallback_bo) {
		piece->flags &= ~DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE;
		piece->bo_handle = fallback_bo;
		piece->bo_offset = piece->va % VMB_PANTHOR_CYCLE;
	}
}

static int cut(struct vmb_panthor_batch *batch, const struct drm_panthor_vm_bind_op *whole,
	uint32_t source, uint64_t max, uint32_t fallback_bo)
{
	struct drm_panthor_vm_bind_op rest = *whole;
	struct drm_panthor_obj_array waits;
	struct drm_panthor_obj_array signals;

	if (!(rest.flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE) ||
		(rest.size <= max && !fallback_bo)) {
		return vmb_panthor_batch_append(batch, &rest, source);
	}
	uint64_t pieces = rest.size / (fallback_bo ? VMB_PANTHOR_CYCLE : max);
	if (pieces > VMB_PANTHOR_PIECES_MAX || batch->count > VMB_PANTHOR_PIECES_MAX - pieces) {
		return -ENOMEM;
	}
	/* Waits and signals go to different pieces, so their struct must be known. */
	if (!knows_syncs(&rest.syncs)) {
		return -EINVAL;
	}
	int ret = split_syncs(batch, &rest.syncs, &waits, &signals);
	rest.syncs = waits;
	while (ret == 0) {
		struct drm_panthor_vm_bind_op piece = rest;
		piece.size = piece_size(&rest, max, fallback_bo);
		show_fallback(&piece, fallback_bo);
		rest.va += piece.size;
		rest.size -= piece.size;
		rest.syncs = (struct drm_panthor_obj_array){ 0 };
		if (rest.size == 0) {
			ret = merge_syncs(batch, &piece.syncs, &signals);
		}
		if (ret == 0) {
			ret = vmb_panthor_batch_append(batch, &piece, source);
		}
		if (rest.size == 0) {
			break;
		}
	}
	return ret;
}

static bool needs_cut(const struct vmb_panthor_batch *batch, uint64_t max, uint32_t fallback_bo)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct drm_panthor_vm_bind_op *op = &batch->ops[i];
		if ((op->flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE) &&
			(fallback_bo || op->size > max)) {
			return true;
		}
	}
	return false;
}

int vmb_panthor_batch_cut(struct vmb_panthor_batch *batch, uint64_t max, uint32_t fallback_bo)
{
	struct vmb_panthor_batch whole;
	int ret = 0;

	if (!needs_cut(batch, max, fallback_bo)) {
		return 0;
	}
	vmb_panthor_batch_init(&whole);
	for (size_t i = 0; i < batch->count && ret == 0; i++) {
		ret = vmb_panthor_batch_append(&whole, &batch->ops[i], batch->sources[i]);
	}
	batch->count = 0;
	for (size_t i = 0; i < whole.count && ret == 0; i++) {
		ret = cut(batch, &whole.ops[i], whole.sources[i], max, fallback_bo);
	}
	vmb_panthor_batch_finish(&whole);
	return ret;
}

void vmb_panthor_batch_drop(struct vmb_panthor_batch *batch, size_t count)
{
	batch->count -= count;
	memmove(batch->ops, batch->ops + count, batch->count * sizeof(batch->ops[0]));
	memmove(batch->sources, batch->sources + count, batch->count * sizeof(batch->sources[0]));
}
