/* SPDX-License-Identifier: MIT */
#ifndef VMB_MERGE_ARRAYS_H
#define VMB_MERGE_ARRAYS_H

#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan.h>

#include "plan/sort.h"

/* The kinds of binds in a batch. */
enum vmb_merge_kind {
	VMB_MERGE_BUFFERS,
	VMB_MERGE_OPAQUES,
	VMB_MERGE_IMAGES,
	VMB_MERGE_KINDS,
};

/* The binds of one resource in one batch. */
struct vmb_merge_entry {
	uint64_t resource;
	const VkBindSparseInfo *batch;
	uint32_t index; /* in the batch's array of this kind */
	uint32_t count; /* of binds */
	const void *binds; /* VkSparseMemoryBind, or VkSparseImageMemoryBind for images */
};

uint32_t vmb_merge_entry_count(const VkBindSparseInfo *info, enum vmb_merge_kind kind);
struct vmb_merge_entry vmb_merge_entry_at(
	const VkBindSparseInfo *info, enum vmb_merge_kind kind, uint32_t index);

/* Sums over all batches of a call. */
struct vmb_merge_totals {
	size_t batches;
	size_t entries[VMB_MERGE_KINDS];
	size_t binds[VMB_MERGE_KINDS];
};

struct vmb_merge_totals vmb_merge_totals_of(const VkBindSparseInfo *infos, uint32_t count);

/* The arrays of a joined call. The pointers of a result move on as results are appended. */
struct vmb_merge_arrays {
	VkBindSparseInfo *infos;
	VkSparseBufferMemoryBindInfo *buffers;
	VkSparseImageOpaqueMemoryBindInfo *opaques;
	VkSparseImageMemoryBindInfo *images;
	VkSparseMemoryBind *memory_binds;
	VkSparseImageMemoryBind *image_binds;
	size_t passed; /* the number of binds in all batches of the result */
	/* Working memory. */
	VkSparseMemoryBind *memory_given;
	VkSparseImageMemoryBind *image_given;
	struct vmb_merge_entry *entries;
	struct vmb_sort_key *keys;
};

/* Cuts scratch memory into arrays, each as large as the whole call needs. Returns the size in bytes
 * of all arrays. scratch may be NULL to ask for the size. */
size_t vmb_merge_arrays_cut(
	struct vmb_merge_arrays *arrays, char *scratch, const struct vmb_merge_totals *totals);

/* Appends binds of the entry's resource to the result. They stay where they are. */
void vmb_merge_arrays_add(struct vmb_merge_arrays *arrays, enum vmb_merge_kind kind,
	const struct vmb_merge_entry *entry, const void *binds, uint32_t count);

#endif
