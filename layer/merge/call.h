/* SPDX-License-Identifier: MIT */
#ifndef VMB_MERGE_CALL_H
#define VMB_MERGE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <vulkan/vulkan.h>

#include "merge/batches.h"

/* One vkQueueBindSparse. */
struct vmb_merge_call {
	/* The application's batches, or the joined ones. */
	uint32_t count;
	const VkBindSparseInfo *infos;
	/* The number of binds in the application's batches, and in infos. */
	size_t given;
	size_t passed;
};

/* Whether a call may have anything to join. Most calls do not. */
bool vmb_merge_call_may_join(const VkBindSparseInfo *infos, uint32_t count);
/* The number of binds in a call. */
size_t vmb_merge_call_binds(const VkBindSparseInfo *infos, uint32_t count);
/* The bytes of scratch memory that the call needs; 0 if the call is too large. */
size_t vmb_merge_call_scratch_size(const VkBindSparseInfo *infos, uint32_t count);
/* Joins neighbouring batches and neighbouring binds. call->infos then points into the scratch
 * memory, or is unchanged if nothing joins. A batch with a chain that the layer does not know stays
 * as it is, such as VkDeviceGroupBindSparseInfo. */
void vmb_merge_call_join(
	struct vmb_merge_call *call, const struct vmb_merge_device *device, void *scratch);

#endif
