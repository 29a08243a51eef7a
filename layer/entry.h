/* SPDX-License-Identifier: MIT */
#ifndef VMB_ENTRY_H
#define VMB_ENTRY_H

#include <vulkan/vulkan.h>

/* The look-up functions that the layer returns to the loader. Any thread. */
VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vmb_GetInstanceProcAddr(
	VkInstance handle, const char *name);
VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vmb_GetDeviceProcAddr(VkDevice handle, const char *name);

#endif
