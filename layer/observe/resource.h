/* SPDX-License-Identifier: MIT */
#ifndef VMB_OBSERVE_RESOURCE_H
#define VMB_OBSERVE_RESOURCE_H

#include <vulkan/vulkan.h>

#include "base/trace.h"
#include "observe/device.h"

/*
 * The sparse resources of a traced device: layout and bound bytes. If memory is short, a resource
 * is not recorded and its binds are not counted. Any thread.
 */

void vmb_observed_resources_init(struct vmb_observe *observe);
void vmb_observed_resources_finish(struct vmb_observe *observe);

/* Record a new sparse resource, and describe it in the slice of the call that creates it. */
void vmb_observed_buffer_add(
	struct vmb_observe *observe, VkBuffer buffer, struct vmb_trace_slice *slice);
void vmb_observed_image_add(struct vmb_observe *observe, VkImage image,
	const VkImageCreateInfo *info, struct vmb_trace_slice *slice);
/* Ignore resources that are not sparse, and VK_NULL_HANDLE. */
void vmb_observed_buffer_remove(struct vmb_observe *observe, VkBuffer buffer);
void vmb_observed_image_remove(struct vmb_observe *observe, VkImage image);

/* Writes an event for each range of a successful bind, and updates the bound bytes. */
void vmb_observed_bound(struct vmb_observe *observe, const VkBindSparseInfo *info);

#endif
