/* SPDX-License-Identifier: MIT */
#include "merge/call.h"

/* A call with more binds goes to the driver as it came. */
#define MAX_BINDS (UINT32_C(1) << 20)

/* Up to this number of entries the look for a resource with two entries is cheap. */
#define FEW_ENTRIES 32

/* Whether two entries of a kind name one resource. */
static bool repeats_resource(const VkBindSparseInfo *info, enum vmb_merge_kind kind, uint32_t count)
{
	if (count > FEW_ENTRIES) {
		return true;
	}
	for (uint32_t i = 1; i < count; i++) {
		uint64_t resource = vmb_merge_entry_at(info, kind, i).resource;
		for (uint32_t j = 0; j < i; j++) {
			if (vmb_merge_entry_at(info, kind, j).resource == resource) {
				return true;
			}
		}
	}
	return false;
}

/* Whether a resource of a batch has several binds. */
static bool has_several(const VkBindSparseInfo *info)
{
	bool several = false;

	for (uint32_t i = 0; i < info->bufferBindCount; i++) {
		several |= info->pBufferBinds[i].bindCount > 1;
	}
	for (uint32_t i = 0; i < info->imageOpaqueBindCount; i++) {
		several |= info->pImageOpaqueBinds[i].bindCount > 1;
	}
	for (uint32_t i = 0; i < info->imageBindCount; i++) {
		several |= info->pImageBinds[i].bindCount > 1;
	}
	return several;
}

bool vmb_merge_call_may_join(const VkBindSparseInfo *infos, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (i && vmb_merge_can_follow(&infos[i - 1], &infos[i])) {
			return true;
		}
		if (has_several(&infos[i]) ||
			repeats_resource(&infos[i], VMB_MERGE_BUFFERS, infos[i].bufferBindCount) ||
			repeats_resource(
				&infos[i], VMB_MERGE_OPAQUES, infos[i].imageOpaqueBindCount) ||
			repeats_resource(&infos[i], VMB_MERGE_IMAGES, infos[i].imageBindCount)) {
			return true;
		}
	}
	return false;
}

static size_t sum_of_binds(const struct vmb_merge_totals *totals)
{
	size_t sum = 0;

	for (enum vmb_merge_kind kind = 0; kind < VMB_MERGE_KINDS; kind++) {
		sum += totals->binds[kind];
	}
	return sum;
}

size_t vmb_merge_call_binds(const VkBindSparseInfo *infos, uint32_t count)
{
	const struct vmb_merge_totals totals = vmb_merge_totals_of(infos, count);

	return sum_of_binds(&totals);
}

size_t vmb_merge_call_scratch_size(const VkBindSparseInfo *infos, uint32_t count)
{
	struct vmb_merge_totals totals = vmb_merge_totals_of(infos, count);
	struct vmb_merge_arrays arrays;
	size_t sum = totals.batches + sum_of_binds(&totals);

	for (enum vmb_merge_kind kind = 0; kind < VMB_MERGE_KINDS; kind++) {
		sum += totals.entries[kind];
	}
	return sum > MAX_BINDS ? 0 : vmb_merge_arrays_cut(&arrays, NULL, &totals);
}

/* The number of batches, from the first one, that may become one. */
static uint32_t group_size(const VkBindSparseInfo *infos, uint32_t count)
{
	VkBindSparseInfo group = infos[0];
	uint32_t size = 1;

	while (size < count && vmb_merge_can_follow(&group, &infos[size])) {
		const VkBindSparseInfo *next = &infos[size++];
		group.pNext = next->pNext ? next->pNext : group.pNext;
		group.imageOpaqueBindCount |= next->imageOpaqueBindCount;
		group.imageBindCount |= next->imageBindCount;
		group.signalSemaphoreCount = next->signalSemaphoreCount;
	}
	return size;
}

/* Appends a batch as it came. */
static void add_unchanged(struct vmb_merge_arrays *arrays, const VkBindSparseInfo *info)
{
	*arrays->infos++ = *info;
	arrays->passed += vmb_merge_call_binds(info, 1);
}

/* Appends a group of batches. */
static void join_group(const struct vmb_merge_device *device, struct vmb_merge_arrays *arrays,
	const VkBindSparseInfo *infos, uint32_t count)
{
	if (!vmb_merge_is_known(infos)) {
		add_unchanged(arrays, infos);
	} else if (!vmb_merge_batches(device, arrays, infos, count)) {
		for (uint32_t i = 0; i < count; i++) {
			vmb_merge_batches(device, arrays, &infos[i], 1);
		}
	}
}

void vmb_merge_call_join(
	struct vmb_merge_call *call, const struct vmb_merge_device *device, void *scratch)
{
	const struct vmb_merge_totals totals = vmb_merge_totals_of(call->infos, call->count);
	struct vmb_merge_arrays arrays;

	vmb_merge_arrays_cut(&arrays, scratch, &totals);
	const VkBindSparseInfo *joined = arrays.infos;
	for (uint32_t i = 0, size; i < call->count; i += size) {
		size = group_size(&call->infos[i], call->count - i);
		join_group(device, &arrays, &call->infos[i], size);
	}
	uint32_t count = (uint32_t)(arrays.infos - joined);
	call->given = sum_of_binds(&totals);
	call->passed = arrays.passed;
	if (count < call->count || call->passed < call->given) {
		call->count = count;
		call->infos = joined;
	}
}
