/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_BIND_CALL_H
#define VMB_PROVIDE_BIND_CALL_H

#include <vulkan/vulkan.h>

VKAPI_ATTR VkResult VKAPI_CALL vmb_QueueBindSparse(
	VkQueue handle, uint32_t count, const VkBindSparseInfo *infos, VkFence fence);

#endif
