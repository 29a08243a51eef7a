/* SPDX-License-Identifier: MIT */
#include "merge/batches.h"

#include <string.h>

#include "merge/image_binds.h"
#include "merge/memory_binds.h"

/* The aspects of an image, at most. */
#define ASPECTS 4

bool vmb_merge_is_known(const VkBindSparseInfo *info)
{
	const VkBaseInStructure *node = info->pNext;

	return !node ||
		(node->sType == VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO && !node->pNext);
}

/* A chain holds the values of waits and signals, so it serves for a batch without semaphores. */
static bool chains_agree(const VkBindSparseInfo *info, const VkBindSparseInfo *next)
{
	if (info->pNext && next->pNext) {
		return false;
	}
	return (!info->pNext || !next->signalSemaphoreCount) &&
		(!next->pNext || !info->waitSemaphoreCount);
}

/* Opaque binds and block binds of one image could bind the same range. */
static bool kinds_agree(const VkBindSparseInfo *info, const VkBindSparseInfo *next)
{
	return (!info->imageOpaqueBindCount || !next->imageBindCount) &&
		(!info->imageBindCount || !next->imageOpaqueBindCount);
}

bool vmb_merge_can_follow(const VkBindSparseInfo *info, const VkBindSparseInfo *next)
{
	return !info->signalSemaphoreCount && !next->waitSemaphoreCount &&
		chains_agree(info, next) && kinds_agree(info, next) && vmb_merge_is_known(info) &&
		vmb_merge_is_known(next);
}

/* Joins the blocks of an image. Returns as vmb_merge_image_binds(). */
static uint32_t join_blocks(const struct vmb_merge_device *device,
	const struct vmb_merge_arrays *arrays, const struct vmb_merge_entry *entry,
	const VkSparseImageMemoryBind *binds, uint32_t count)
{
	VkImage image = entry->batch->pImageBinds[entry->index].image;
	VkSparseImageMemoryRequirements aspects[ASPECTS];
	VkMemoryRequirements requirements;
	struct vmb_merge_blocks blocks = {
		.aspects = aspects,
		.aspect_count = ASPECTS,
		.in_order = device->blocks_in_order,
	};

	device->next->GetImageSparseMemoryRequirements(
		device->handle, image, &blocks.aspect_count, aspects);
	device->next->GetImageMemoryRequirements(device->handle, image, &requirements);
	blocks.bytes = requirements.alignment;
	return vmb_merge_image_binds(&blocks, binds, count, arrays->keys, arrays->image_binds);
}

/* Copies the binds of all entries of a resource to one array. */
static const void *collect(struct vmb_merge_arrays *arrays, enum vmb_merge_kind kind,
	const struct vmb_merge_entry *entries, size_t count)
{
	VkSparseMemoryBind *memory = arrays->memory_given;
	VkSparseImageMemoryBind *images = arrays->image_given;

	if (count == 1) {
		return entries[0].binds;
	}
	for (size_t i = 0; i < count; i++) {
		if (!entries[i].count) {
			continue;
		}
		if (kind == VMB_MERGE_IMAGES) {
			memcpy(images, entries[i].binds, entries[i].count * sizeof(*images));
			images += entries[i].count;
		} else {
			memcpy(memory, entries[i].binds, entries[i].count * sizeof(*memory));
			memory += entries[i].count;
		}
	}
	const void *collected = kind == VMB_MERGE_IMAGES ? (const void *)arrays->image_given
							 : (const void *)arrays->memory_given;
	arrays->memory_given = memory;
	arrays->image_given = images;
	return collected;
}

/* Appends the entries of one resource as one. False if the layer does not understand the binds. */
static bool join_entries(const struct vmb_merge_device *device, struct vmb_merge_arrays *arrays,
	enum vmb_merge_kind kind, const struct vmb_merge_entry *entries, size_t count)
{
	const void *binds = collect(arrays, kind, entries, count);
	uint32_t given = 0;

	for (size_t i = 0; i < count; i++) {
		given += entries[i].count;
	}
	uint32_t joined = given;
	if (given > 1) {
		joined = kind == VMB_MERGE_IMAGES
			? join_blocks(device, arrays, entries, binds, given)
			: vmb_merge_memory_binds(binds, given, arrays->keys, arrays->memory_binds);
	}
	if (given && !joined) {
		return false;
	}
	if (joined == given) {
		vmb_merge_arrays_add(arrays, kind, entries, binds, given);
	} else if (kind == VMB_MERGE_IMAGES) {
		vmb_merge_arrays_add(arrays, kind, entries, arrays->image_binds, joined);
		arrays->image_binds += joined;
	} else {
		vmb_merge_arrays_add(arrays, kind, entries, arrays->memory_binds, joined);
		arrays->memory_binds += joined;
	}
	return true;
}

/* Appends the entries of one resource. False if they belong to several batches and the layer does
 * not understand the binds. */
static bool add_resource(const struct vmb_merge_device *device, struct vmb_merge_arrays *arrays,
	enum vmb_merge_kind kind, const struct vmb_merge_entry *entries, size_t count)
{
	if (join_entries(device, arrays, kind, entries, count)) {
		return true;
	}
	if (entries[0].batch != entries[count - 1].batch) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		vmb_merge_arrays_add(arrays, kind, &entries[i], entries[i].binds, entries[i].count);
	}
	return true;
}

/* Sorts entries by resource. Entries of one resource keep their order. Returns the sorted array. */
static const struct vmb_merge_entry *sort_entries(struct vmb_merge_arrays *arrays, size_t count)
{
	struct vmb_merge_entry *sorted = arrays->entries + count;

	if (count < 2) {
		return arrays->entries;
	}
	for (size_t i = 0; i < count; i++) {
		arrays->keys[i] = (struct vmb_sort_key){ arrays->entries[i].resource, (uint32_t)i };
	}
	vmb_sort(arrays->keys, arrays->keys + count, count);
	for (size_t i = 0; i < count; i++) {
		sorted[i] = arrays->entries[arrays->keys[i].index];
	}
	return sorted;
}

/* Appends all binds of one kind. */
static bool join_kind(const struct vmb_merge_device *device, struct vmb_merge_arrays *arrays,
	enum vmb_merge_kind kind, const VkBindSparseInfo *infos, uint32_t count)
{
	size_t entry_count = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t entries = vmb_merge_entry_count(&infos[i], kind);
		for (uint32_t j = 0; j < entries; j++) {
			arrays->entries[entry_count++] = vmb_merge_entry_at(&infos[i], kind, j);
		}
	}
	const struct vmb_merge_entry *entries = sort_entries(arrays, entry_count);
	for (size_t i = 0, end; i < entry_count; i = end) {
		end = i + 1;
		while (end < entry_count && entries[end].resource == entries[i].resource) {
			end++;
		}
		if (!add_resource(device, arrays, kind, &entries[i], end - i)) {
			return false;
		}
	}
	return true;
}

static VkBindSparseInfo joined_info(const struct vmb_merge_arrays *before,
	const struct vmb_merge_arrays *after, const VkBindSparseInfo *first,
	const VkBindSparseInfo *last, const void *chain)
{
	return (VkBindSparseInfo){
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.pNext = chain,
		.waitSemaphoreCount = first->waitSemaphoreCount,
		.pWaitSemaphores = first->pWaitSemaphores,
		.bufferBindCount = (uint32_t)(after->buffers - before->buffers),
		.pBufferBinds = before->buffers,
		.imageOpaqueBindCount = (uint32_t)(after->opaques - before->opaques),
		.pImageOpaqueBinds = before->opaques,
		.imageBindCount = (uint32_t)(after->images - before->images),
		.pImageBinds = before->images,
		.signalSemaphoreCount = last->signalSemaphoreCount,
		.pSignalSemaphores = last->pSignalSemaphores,
	};
}

bool vmb_merge_batches(const struct vmb_merge_device *device, struct vmb_merge_arrays *arrays,
	const VkBindSparseInfo *infos, uint32_t count)
{
	const struct vmb_merge_arrays before = *arrays;
	const void *chain = NULL;

	for (enum vmb_merge_kind kind = 0; kind < VMB_MERGE_KINDS; kind++) {
		if (!join_kind(device, arrays, kind, infos, count)) {
			*arrays = before;
			return false;
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		chain = infos[i].pNext ? infos[i].pNext : chain;
	}
	*arrays->infos++ = joined_info(&before, arrays, &infos[0], &infos[count - 1], chain);
	return true;
}
