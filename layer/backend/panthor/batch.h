/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PANTHOR_BATCH_H
#define VMB_BACKEND_PANTHOR_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uapi/panthor.h>

/*
 * A batch: the ops of one VM_BIND before they go to the kernel. Neighbouring ops of the driver are
 * merged. Where the kernel has no sparse op, maps of a BO replace sparse ops. Addresses, sizes and
 * offsets are in bytes; errors are negative errno values. One thread uses a batch.
 */

/* The most bytes of one sparse op. While the op runs, the kernel reserves memory for the page
 * tables of the whole range: 1/512 of its size. */
#define VMB_PANTHOR_SPARSE_MAX (UINT64_C(64) << 30)
/* Where the kernel has no sparse op, the first VMB_PANTHOR_CYCLE bytes of a BO are mapped
 * repeatedly over a sparse range. */
#define VMB_PANTHOR_CYCLE (UINT64_C(2) << 20)
/* The most pieces of a batch's sparse ops. As fallback maps they cover 8 TiB. The array of pieces
 * takes 208 MiB of memory. */
#define VMB_PANTHOR_PIECES_MAX (UINT64_C(1) << 22)

/* The most ops in one ioctl of the layer's own. Before the kernel executes an asynchronous ioctl,
 * it allocates page tables for all ops: at least three pages for a map, or 6 MiB for 512 maps. */
#define VMB_PANTHOR_OPS_MAX 512

#define VMB_PANTHOR_BATCH_INLINE 32

struct vmb_panthor_batch {
	/* few.ops, or an owned allocation that also holds the sources. */
	struct drm_panthor_vm_bind_op *ops;
	/* The index of the driver's op that each op comes from; of the first one if merged. */
	uint32_t *sources;
	size_t count;
	size_t capacity;
	/* The list of sync op arrays that the batch owns. */
	struct vmb_panthor_syncs *syncs;
	struct {
		struct drm_panthor_vm_bind_op ops[VMB_PANTHOR_BATCH_INLINE];
		uint32_t sources[VMB_PANTHOR_BATCH_INLINE];
	} few;
};

/* The batch may point into itself: do not copy or move it. */
void vmb_panthor_batch_init(struct vmb_panthor_batch *batch);
void vmb_panthor_batch_finish(struct vmb_panthor_batch *batch);

/* Whether one op can replace two consecutive ops: their ranges are neighbours, their flags are
 * equal, and there is no signal or wait between them. */
bool vmb_panthor_ops_merge(
	const struct drm_panthor_vm_bind_op *first, const struct drm_panthor_vm_bind_op *second);

/* Appends an op without merging: a plan has merged its ops already. -ENOMEM leaves the batch
 * unchanged. */
int vmb_panthor_batch_append(
	struct vmb_panthor_batch *batch, const struct drm_panthor_vm_bind_op *op, uint32_t source);
/* Appends an op of the driver, or merges it into the last op. -ENOMEM leaves the batch
 * unchanged. */
int vmb_panthor_batch_add(
	struct vmb_panthor_batch *batch, const struct drm_panthor_vm_bind_op *op, uint32_t source);

/*
 * Cuts sparse ops into pieces that the kernel accepts. If fallback_bo is 0, a piece is a sparse op
 * of at most max bytes. Otherwise a piece maps the first VMB_PANTHOR_CYCLE bytes of fallback_bo.
 * The first piece has the waits, the last one the signals. -EINVAL if an op's sync ops have an
 * unknown stride. -ENOMEM if memory is short, or for more than VMB_PANTHOR_PIECES_MAX pieces. After
 * an error the batch can only be finished.
 */
int vmb_panthor_batch_cut(struct vmb_panthor_batch *batch, uint64_t max, uint32_t fallback_bo);

/* Removes the first ops after they were executed. */
void vmb_panthor_batch_drop(struct vmb_panthor_batch *batch, size_t count);

#endif
