/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_NEWER_HEADERS_H
#define VMB_VK_NEWER_HEADERS_H

#include <vulkan/vulkan.h>

/*
 * Declarations that the oldest supported Vulkan headers lack. An application may use newer headers
 * than the layer's build. The layer must intercept the commands of such an application, too.
 */

#ifndef VK_KHR_map_memory2
typedef struct VkMemoryMapInfoKHR {
	VkStructureType sType;
	const void *pNext;
	VkMemoryMapFlags flags;
	VkDeviceMemory memory;
	VkDeviceSize offset;
	VkDeviceSize size;
} VkMemoryMapInfoKHR;
#endif

#ifndef VK_KHR_maintenance5
typedef VkImageSubresource2EXT VkImageSubresource2KHR;
typedef VkSubresourceLayout2EXT VkSubresourceLayout2KHR;

typedef struct VkDeviceImageSubresourceInfoKHR {
	VkStructureType sType;
	const void *pNext;
	const VkImageCreateInfo *pCreateInfo;
	const VkImageSubresource2KHR *pSubresource;
} VkDeviceImageSubresourceInfoKHR;
#endif

#ifndef VK_KHR_maintenance6
#define VK_STRUCTURE_TYPE_BIND_MEMORY_STATUS_KHR ((VkStructureType)1000545002)

typedef struct VkBindMemoryStatusKHR {
	VkStructureType sType;
	const void *pNext;
	VkResult *pResult;
} VkBindMemoryStatusKHR;
#endif

#endif
