/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_RESULT_NAME_H
#define VMB_VK_RESULT_NAME_H

#include <vulkan/vulkan.h>

/* The name of a result, such as "VK_SUCCESS"; NULL for an unlisted result. Static. Any thread. */
const char *vmb_result_name(VkResult result);

#endif
