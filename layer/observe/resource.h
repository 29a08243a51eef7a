/* SPDX-License-Identifier: MIT */
#ifndef VMB_OBSERVE_RESOURCE_H
#define VMB_OBSERVE_RESOURCE_H

#include <vulkan/vulkan.h>

#include "base/trace.h"
#include "vk/device.h"

/*
 * What a trace remembers of sparse resources, whoever makes them: how they are laid out, and how much of
 * them is bound. Resources for which there is no memory are not remembered, and their binds not counted.
 */

void vmb_traced_resources_init(struct vmb_device *device);
void vmb_traced_resources_finish(struct vmb_device *device);

/* A new sparse resource; says in the slice, that of the call which made it, what is to be known of it. */
void vmb_traced_buffer_add(
	struct vmb_device *device, VkBuffer buffer, struct vmb_trace_slice *slice);
void vmb_traced_image_add(struct vmb_device *device, VkImage image, const VkImageCreateInfo *info,
	struct vmb_trace_slice *slice);
/* Resources that are not sparse, or none, are ignored. */
void vmb_traced_buffer_remove(struct vmb_device *device, VkBuffer buffer);
void vmb_traced_image_remove(struct vmb_device *device, VkImage image);

/* Binds that succeeded: an event for each range, and the bytes bound. */
void vmb_traced_bound(struct vmb_device *device, const VkBindSparseInfo *info);

#endif
