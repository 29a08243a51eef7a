/* SPDX-License-Identifier: MIT */
#include "backend/panthor/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Memory of sync ops, freed with the batch. */
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

static int append(
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

/* Whether we can read an op's sync ops: one longer than what we know says more than we know. */
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

/* Whether nothing is signaled after the first op and waited for before the second. */
static bool is_unsynchronized(
	const struct drm_panthor_vm_bind_op *first, const struct drm_panthor_vm_bind_op *second)
{
	return knows_syncs(&first->syncs) && knows_syncs(&second->syncs) &&
		count_signals(&first->syncs) == 0 &&
		count_signals(&second->syncs) == second->syncs.count;
}

static bool ends_at(const struct drm_panthor_vm_bind_op *op, uint64_t va)
{
	return op->size <= UINT64_MAX - op->va && op->va + op->size == va;
}

/* Whether the BO's part goes on where the range does. Nothing but a plain map has a BO. */
static bool continues(
	const struct drm_panthor_vm_bind_op *low, const struct drm_panthor_vm_bind_op *high)
{
	if (low->bo_handle != high->bo_handle) {
		return false;
	}
	return low->bo_handle == 0 || low->bo_offset + low->size == high->bo_offset;
}

static bool is_range(const struct drm_panthor_vm_bind_op *op)
{
	uint32_t type = op->flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK;

	return type == DRM_PANTHOR_VM_BIND_OP_TYPE_MAP || type == DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP;
}

bool vmb_panthor_ops_merge(
	const struct drm_panthor_vm_bind_op *first, const struct drm_panthor_vm_bind_op *second)
{
	if (first->flags != second->flags || !is_range(second)) {
		return false;
	}
	/* The two ranges are disjoint, so it does not matter which one comes first. */
	bool neighbours = (ends_at(first, second->va) && continues(first, second)) ||
		(ends_at(second, first->va) && continues(second, first));
	return neighbours && is_unsynchronized(first, second);
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

	if (!last || !vmb_panthor_ops_merge(last, op)) {
		return append(batch, op, source);
	}
	if (merge_syncs(batch, &last->syncs, &op->syncs) < 0) {
		return -ENOMEM;
	}
	if (op->va < last->va) {
		last->va = op->va;
		last->bo_offset = op->bo_offset;
	}
	last->size += op->size;
	return 0;
}

/* Splits an op's sync ops into those before the op and those after it. */
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

/* How much of a sparse op goes into its first piece. */
static uint64_t piece_size(const struct drm_panthor_vm_bind_op *op, uint64_t max, uint32_t filler)
{
	/* What lies at the same place of two huge pages shows the same, so that the hardware can use
	 * huge pages as well. */
	uint64_t size = filler ? VMB_PANTHOR_CYCLE - op->va % VMB_PANTHOR_CYCLE : max;

	return size < op->size ? size : op->size;
}

static void fill(struct drm_panthor_vm_bind_op *piece, uint32_t filler)
{
	if (filler) {
		piece->flags &= ~DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE;
		piece->bo_handle = filler;
		piece->bo_offset = piece->va % VMB_PANTHOR_CYCLE;
	}
}

static int cut(struct vmb_panthor_batch *batch, const struct drm_panthor_vm_bind_op *whole,
	uint32_t source, uint64_t max, uint32_t filler)
{
	struct drm_panthor_vm_bind_op rest = *whole;
	struct drm_panthor_obj_array waits;
	struct drm_panthor_obj_array signals;

	if (!(rest.flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE) || (rest.size <= max && !filler)) {
		return append(batch, &rest, source);
	}
	/* Syncs that cannot be told apart stay where the kernel refuses them. */
	if (!knows_syncs(&rest.syncs)) {
		return -EINVAL;
	}
	int ret = split_syncs(batch, &rest.syncs, &waits, &signals);
	rest.syncs = waits;
	while (ret == 0) {
		struct drm_panthor_vm_bind_op piece = rest;
		piece.size = piece_size(&rest, max, filler);
		fill(&piece, filler);
		rest.va += piece.size;
		rest.size -= piece.size;
		rest.syncs = (struct drm_panthor_obj_array){ 0 };
		if (rest.size == 0) {
			ret = merge_syncs(batch, &piece.syncs, &signals);
		}
		if (ret == 0) {
			ret = append(batch, &piece, source);
		}
		if (rest.size == 0) {
			break;
		}
	}
	return ret;
}

static bool needs_cut(const struct vmb_panthor_batch *batch, uint64_t max, uint32_t filler)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct drm_panthor_vm_bind_op *op = &batch->ops[i];
		if ((op->flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE) && (filler || op->size > max)) {
			return true;
		}
	}
	return false;
}

int vmb_panthor_batch_cut(struct vmb_panthor_batch *batch, uint64_t max, uint32_t filler)
{
	struct vmb_panthor_batch whole;
	int ret = 0;

	if (!needs_cut(batch, max, filler)) {
		return 0;
	}
	vmb_panthor_batch_init(&whole);
	for (size_t i = 0; i < batch->count && ret == 0; i++) {
		ret = append(&whole, &batch->ops[i], batch->sources[i]);
	}
	batch->count = 0;
	for (size_t i = 0; i < whole.count && ret == 0; i++) {
		ret = cut(batch, &whole.ops[i], whole.sources[i], max, filler);
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
