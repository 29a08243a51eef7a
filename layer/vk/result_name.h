/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_RESULT_NAME_H
#define VMB_VK_RESULT_NAME_H

#include <vulkan/vulkan.h>

/* "VK_SUCCESS" and so on; NULL for a result that the table does not have. Any thread. */
const char *vmb_result_name(VkResult result);

#endif
