/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PANTHOR_BATCH_H
#define VMB_BACKEND_PANTHOR_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uapi/panthor.h>

/*
 * The ops of one VM_BIND on their way to the kernel. Neighbouring ops of a driver become one.
 * Sparse ops take the form that the kernel has. Addresses, sizes and offsets are in bytes; errors
 * are negative errno values. A batch belongs to one thread.
 */

/* The most bytes of one sparse op. While an op runs, the kernel reserves memory for the page tables
 * of its whole range, a 512th of it. */
#define VMB_PANTHOR_SPARSE_MAX (UINT64_C(64) << 30)
/* Where the kernel has no sparse op, so many bytes of a BO are mapped again and again. */
#define VMB_PANTHOR_CYCLE (UINT64_C(2) << 20)

/* The most ops that the layer by itself puts into one ioctl. For each op of an asynchronous one the
 * kernel sets memory aside before it executes the first: three pages of page tables at least for a
 * map, 6 MiB for so many. */
#define VMB_PANTHOR_OPS_MAX 512

#define VMB_PANTHOR_BATCH_INLINE 32

struct vmb_panthor_batch {
	/* Few, or owned; sources lie behind the ops. */
	struct drm_panthor_vm_bind_op *ops;
	/* Which op of the driver's each comes from, the first one if several. */
	uint32_t *sources;
	size_t count;
	size_t capacity;
	/* Sync ops of merged ops, a list of what is to be freed. */
	struct vmb_panthor_syncs *syncs;
	struct {
		struct drm_panthor_vm_bind_op ops[VMB_PANTHOR_BATCH_INLINE];
		uint32_t sources[VMB_PANTHOR_BATCH_INLINE];
	} few;
};

/* A batch must not be moved. */
void vmb_panthor_batch_init(struct vmb_panthor_batch *batch);
void vmb_panthor_batch_finish(struct vmb_panthor_batch *batch);

/* Whether two consecutive ops do the same to neighbouring ranges, with no signal or wait between
 * them: one op does the same. */
bool vmb_panthor_ops_merge(
	const struct drm_panthor_vm_bind_op *first, const struct drm_panthor_vm_bind_op *second);

/* Appends an op; ops from a plan are merged already. -ENOMEM leaves the batch as it was. */
int vmb_panthor_batch_append(
	struct vmb_panthor_batch *batch, const struct drm_panthor_vm_bind_op *op, uint32_t source);
/* Appends an op of the driver's, or merges it into the last one. -ENOMEM leaves the batch as it
 * was. */
int vmb_panthor_batch_add(
	struct vmb_panthor_batch *batch, const struct drm_panthor_vm_bind_op *op, uint32_t source);

/*
 * Cuts sparse ops into what the kernel takes: pieces of at most max bytes, or, if fallback_bo is
 * not 0, maps of the first VMB_PANTHOR_CYCLE bytes of that BO. Waits stay before the first piece,
 * signals after the last. -ENOMEM leaves a batch that can only be finished; -EINVAL if the form of
 * an op's sync ops is unknown.
 */
int vmb_panthor_batch_cut(struct vmb_panthor_batch *batch, uint64_t max, uint32_t fallback_bo);

/* Takes out the first ops, which were executed. */
void vmb_panthor_batch_drop(struct vmb_panthor_batch *batch, size_t count);

#endif
