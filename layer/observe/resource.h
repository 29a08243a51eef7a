/* SPDX-License-Identifier: MIT */
#ifndef VMB_OBSERVE_RESOURCE_H
#define VMB_OBSERVE_RESOURCE_H

#include <vulkan/vulkan.h>

#include "base/trace.h"
#include "observe/device.h"

/*
 * What a trace needs of sparse resources: their layout, and the bytes bound. A resource is skipped
 * if memory for its record is short; its binds are not counted then. Only for devices with a trace.
 * Any thread.
 */

void vmb_observed_resources_init(struct vmb_observe *observe);
void vmb_observed_resources_finish(struct vmb_observe *observe);

/* Adds a new sparse resource, and describes it in the slice of the call that creates it. */
void vmb_observed_buffer_add(
	struct vmb_observe *observe, VkBuffer buffer, struct vmb_trace_slice *slice);
void vmb_observed_image_add(struct vmb_observe *observe, VkImage image,
	const VkImageCreateInfo *info, struct vmb_trace_slice *slice);
/* Ignore resources that are not sparse, and VK_NULL_HANDLE. */
void vmb_observed_buffer_remove(struct vmb_observe *observe, VkBuffer buffer);
void vmb_observed_image_remove(struct vmb_observe *observe, VkImage image);

/* Writes an event for each range of a successful bind, and counts the bytes bound. */
void vmb_observed_bound(struct vmb_observe *observe, const VkBindSparseInfo *info);

#endif
