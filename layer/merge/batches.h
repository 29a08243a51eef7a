/* SPDX-License-Identifier: MIT */
#ifndef VMB_MERGE_BATCHES_H
#define VMB_MERGE_BATCHES_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "merge/arrays.h"
#include "vk/commands.h"

/* What the layer needs of a device to join binds. */
struct vmb_merge_device {
	VkDevice handle;
	const struct vmb_device_commands *next;
	bool blocks_in_order; /* see struct vmb_merge_blocks */
};

/* Whether the layer understands the chain of a batch. */
bool vmb_merge_is_known(const VkBindSparseInfo *info);
/* Whether a batch can join the one before it: nothing is signaled or waited for between the two,
 * and one chain serves for both. Does not compare the binds. */
bool vmb_merge_can_follow(const VkBindSparseInfo *info, const VkBindSparseInfo *next);

/*
 * Joins batches to one, and the binds of each resource, and appends the batch to arrays. The layer
 * understands each batch, and each can join the one before it. Returns false if the order of the
 * batches may matter, because they bind the same range or the layer does not understand a bind. The
 * arrays are then unchanged. A single batch always succeeds.
 */
bool vmb_merge_batches(const struct vmb_merge_device *device, struct vmb_merge_arrays *arrays,
	const VkBindSparseInfo *infos, uint32_t count);

#endif
