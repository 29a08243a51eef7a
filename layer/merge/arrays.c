/* SPDX-License-Identifier: MIT */
#include "merge/arrays.h"

uint32_t vmb_merge_entry_count(const VkBindSparseInfo *info, enum vmb_merge_kind kind)
{
	switch (kind) {
	case VMB_MERGE_BUFFERS:
		return info->bufferBindCount;
	case VMB_MERGE_OPAQUES:
		return info->imageOpaqueBindCount;
	default:
		return info->imageBindCount;
	}
}

struct vmb_merge_entry vmb_merge_entry_at(
	const VkBindSparseInfo *info, enum vmb_merge_kind kind, uint32_t index)
{
	struct vmb_merge_entry entry = { .batch = info, .index = index };

	if (kind == VMB_MERGE_BUFFERS) {
		const VkSparseBufferMemoryBindInfo *buffer = &info->pBufferBinds[index];
		entry.resource = (uint64_t)buffer->buffer;
		entry.count = buffer->bindCount;
		entry.binds = buffer->pBinds;
	} else if (kind == VMB_MERGE_OPAQUES) {
		const VkSparseImageOpaqueMemoryBindInfo *opaque = &info->pImageOpaqueBinds[index];
		entry.resource = (uint64_t)opaque->image;
		entry.count = opaque->bindCount;
		entry.binds = opaque->pBinds;
	} else {
		const VkSparseImageMemoryBindInfo *image = &info->pImageBinds[index];
		entry.resource = (uint64_t)image->image;
		entry.count = image->bindCount;
		entry.binds = image->pBinds;
	}
	return entry;
}

struct vmb_merge_totals vmb_merge_totals_of(const VkBindSparseInfo *infos, uint32_t count)
{
	struct vmb_merge_totals totals = { .batches = count };

	for (uint32_t i = 0; i < count; i++) {
		for (enum vmb_merge_kind kind = 0; kind < VMB_MERGE_KINDS; kind++) {
			uint32_t entries = vmb_merge_entry_count(&infos[i], kind);
			totals.entries[kind] += entries;
			for (uint32_t j = 0; j < entries; j++) {
				totals.binds[kind] += vmb_merge_entry_at(&infos[i], kind, j).count;
			}
		}
	}
	return totals;
}

static void *cut(char *scratch, size_t *at, size_t count, size_t size)
{
	char *array = scratch ? scratch + *at : NULL;

	*at += (count * size + 15) & ~(size_t)15;
	return array;
}

static size_t max(size_t a, size_t b)
{
	return a > b ? a : b;
}

size_t vmb_merge_arrays_cut(
	struct vmb_merge_arrays *arrays, char *scratch, const struct vmb_merge_totals *totals)
{
	const size_t *entries = totals->entries, *binds = totals->binds;
	size_t memory = binds[VMB_MERGE_BUFFERS] + binds[VMB_MERGE_OPAQUES];
	size_t images = binds[VMB_MERGE_IMAGES];
	size_t most = max(max(entries[VMB_MERGE_BUFFERS], entries[VMB_MERGE_OPAQUES]),
		entries[VMB_MERGE_IMAGES]);
	size_t at = 0;

#define CUT(member, count) arrays->member = cut(scratch, &at, count, sizeof(*arrays->member))
	CUT(infos, totals->batches);
	CUT(buffers, entries[VMB_MERGE_BUFFERS]);
	CUT(opaques, entries[VMB_MERGE_OPAQUES]);
	CUT(images, entries[VMB_MERGE_IMAGES]);
	CUT(memory_binds, memory);
	CUT(image_binds, images);
	CUT(memory_given, memory);
	CUT(image_given, images);
	/* Twice: unsorted and sorted. */
	CUT(entries, 2 * most);
	CUT(keys, 2 * max(max(memory, images), most));
#undef CUT
	arrays->passed = 0;
	return at;
}

void vmb_merge_arrays_add(struct vmb_merge_arrays *arrays, enum vmb_merge_kind kind,
	const struct vmb_merge_entry *entry, const void *binds, uint32_t count)
{
	const VkBindSparseInfo *batch = entry->batch;

	if (kind == VMB_MERGE_BUFFERS) {
		*arrays->buffers++ = (VkSparseBufferMemoryBindInfo){
			.buffer = batch->pBufferBinds[entry->index].buffer,
			.bindCount = count,
			.pBinds = binds,
		};
	} else if (kind == VMB_MERGE_OPAQUES) {
		*arrays->opaques++ = (VkSparseImageOpaqueMemoryBindInfo){
			.image = batch->pImageOpaqueBinds[entry->index].image,
			.bindCount = count,
			.pBinds = binds,
		};
	} else {
		*arrays->images++ = (VkSparseImageMemoryBindInfo){
			.image = batch->pImageBinds[entry->index].image,
			.bindCount = count,
			.pBinds = binds,
		};
	}
	arrays->passed += count;
}
