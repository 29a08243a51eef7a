/* SPDX-License-Identifier: MIT */
#ifndef VMB_QUEUE_BIND_H
#define VMB_QUEUE_BIND_H

#include <vulkan/vulkan.h>

VKAPI_ATTR VkResult VKAPI_CALL vmb_QueueBindSparse(
	VkQueue handle, uint32_t count, const VkBindSparseInfo *infos, VkFence fence);

#endif
