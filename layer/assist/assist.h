/* SPDX-License-Identifier: MIT */
#ifndef VMB_ASSIST_ASSIST_H
#define VMB_ASSIST_ASSIST_H

#include <vulkan/vulkan.h>

#include "vk/device.h"

/*
 * The assist route: the driver's own sparse resources, with two things put right at the ioctl
 * boundary. What it maps over a new resource goes to the kernel as one op, and a bind of no memory
 * is given to the driver as a bind of the hole, whose maps the tap turns into sparse ones: so that
 * address, order, queue and synchronization are those of the driver's good path.
 */

/* Makes the hole. If that cannot be the device goes on as a native one, with a warning. */
void vmb_assist_init(struct vmb_device *device);
/* To be called while the driver still has the device. */
void vmb_assist_finish(struct vmb_device *device);

VkResult vmb_assist_create_buffer(struct vmb_device *device, const VkBufferCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkBuffer *out);
VkResult vmb_assist_create_image(struct vmb_device *device, const VkImageCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkImage *out);
VkResult vmb_assist_bind(struct vmb_device *device, VkQueue queue, uint32_t count,
	const VkBindSparseInfo *infos, VkFence fence);

#endif
