/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_DISPATCH_H
#define VMB_VK_DISPATCH_H

#include <stdint.h>
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

/*
 * The next layer's (or the driver's) functions that we call, one table for an instance and one for
 * a device. A function that the next layer does not have is NULL. A function that has two names is
 * looked up under both, first the one that is right for the version in use.
 */

/* X(name, other name or NULL, version since which the first name is right) */
#define VMB_INSTANCE_FUNCTIONS(X) \
	X(DestroyInstance, NULL, 0) \
	X(CreateDevice, NULL, 0) \
	X(EnumeratePhysicalDevices, NULL, 0) \
	X(EnumeratePhysicalDeviceGroups, "vkEnumeratePhysicalDeviceGroupsKHR", VK_API_VERSION_1_1) \
	X(EnumerateDeviceExtensionProperties, NULL, 0) \
	X(GetPhysicalDeviceFeatures, NULL, 0) \
	X(GetPhysicalDeviceFeatures2, "vkGetPhysicalDeviceFeatures2KHR", VK_API_VERSION_1_1) \
	X(GetPhysicalDeviceProperties, NULL, 0) \
	X(GetPhysicalDeviceProperties2, "vkGetPhysicalDeviceProperties2KHR", VK_API_VERSION_1_1) \
	X(GetPhysicalDeviceQueueFamilyProperties, NULL, 0) \
	X(GetPhysicalDeviceQueueFamilyProperties2, "vkGetPhysicalDeviceQueueFamilyProperties2KHR", \
		VK_API_VERSION_1_1) \
	X(GetPhysicalDeviceMemoryProperties, NULL, 0) \
	X(GetPhysicalDeviceImageFormatProperties, NULL, 0) \
	X(GetPhysicalDeviceImageFormatProperties2, "vkGetPhysicalDeviceImageFormatProperties2KHR", \
		VK_API_VERSION_1_1) \
	X(GetPhysicalDeviceSparseImageFormatProperties, NULL, 0) \
	X(GetPhysicalDeviceSparseImageFormatProperties2, \
		"vkGetPhysicalDeviceSparseImageFormatProperties2KHR", VK_API_VERSION_1_1) \
	X(GetPhysicalDeviceExternalBufferProperties, \
		"vkGetPhysicalDeviceExternalBufferPropertiesKHR", VK_API_VERSION_1_1) \
	X(GetPhysicalDeviceToolProperties, "vkGetPhysicalDeviceToolPropertiesEXT", \
		VK_API_VERSION_1_3)

/* What the oldest headers that we build with do not have. */
#ifdef VK_KHR_maintenance5
#define VMB_MAINTENANCE5_FUNCTIONS(X) \
	X(GetDeviceImageSubresourceLayoutKHR, "vkGetDeviceImageSubresourceLayout", 0)
#else
#define VMB_MAINTENANCE5_FUNCTIONS(X)
#endif
#ifdef VK_KHR_map_memory2
#define VMB_MAP_MEMORY2_FUNCTIONS(X) X(MapMemory2KHR, "vkMapMemory2", 0)
#else
#define VMB_MAP_MEMORY2_FUNCTIONS(X)
#endif

#define VMB_DEVICE_FUNCTIONS(X) \
	X(DestroyDevice, NULL, 0) \
	X(DeviceWaitIdle, NULL, 0) \
	X(AllocateMemory, NULL, 0) \
	X(FreeMemory, NULL, 0) \
	X(MapMemory, NULL, 0) \
	X(CreateBuffer, NULL, 0) \
	X(DestroyBuffer, NULL, 0) \
	X(BindBufferMemory, NULL, 0) \
	X(GetBufferMemoryRequirements, NULL, 0) \
	X(GetBufferMemoryRequirements2, "vkGetBufferMemoryRequirements2KHR", VK_API_VERSION_1_1) \
	X(GetDeviceBufferMemoryRequirements, "vkGetDeviceBufferMemoryRequirementsKHR", \
		VK_API_VERSION_1_3) \
	X(CreateImage, NULL, 0) \
	X(DestroyImage, NULL, 0) \
	X(BindImageMemory, NULL, 0) \
	X(BindImageMemory2, "vkBindImageMemory2KHR", VK_API_VERSION_1_1) \
	X(GetImageMemoryRequirements, NULL, 0) \
	X(GetImageMemoryRequirements2, "vkGetImageMemoryRequirements2KHR", VK_API_VERSION_1_1) \
	X(GetDeviceImageMemoryRequirements, "vkGetDeviceImageMemoryRequirementsKHR", \
		VK_API_VERSION_1_3) \
	X(GetImageSparseMemoryRequirements, NULL, 0) \
	X(GetImageSparseMemoryRequirements2, "vkGetImageSparseMemoryRequirements2KHR", \
		VK_API_VERSION_1_1) \
	X(GetDeviceImageSparseMemoryRequirements, "vkGetDeviceImageSparseMemoryRequirementsKHR", \
		VK_API_VERSION_1_3) \
	X(GetMemoryHostPointerPropertiesEXT, NULL, 0) \
	X(QueueBindSparse, NULL, 0) \
	X(QueueSubmit, NULL, 0) \
	X(QueueSubmit2, "vkQueueSubmit2KHR", VK_API_VERSION_1_3) \
	X(QueueWaitIdle, NULL, 0) \
	X(QueuePresentKHR, NULL, 0) \
	X(AcquireNextImageKHR, NULL, 0) \
	X(AcquireNextImage2KHR, NULL, 0) \
	X(GetQueryPoolResults, NULL, 0) \
	X(CreateFence, NULL, 0) \
	X(DestroyFence, NULL, 0) \
	X(GetFenceStatus, NULL, 0) \
	X(WaitForFences, NULL, 0) \
	X(CreateSemaphore, NULL, 0) \
	X(DestroySemaphore, NULL, 0) \
	X(GetSemaphoreFdKHR, NULL, 0) \
	X(WaitSemaphores, "vkWaitSemaphoresKHR", VK_API_VERSION_1_2) \
	X(SignalSemaphore, "vkSignalSemaphoreKHR", VK_API_VERSION_1_2) \
	X(GetSemaphoreCounterValue, "vkGetSemaphoreCounterValueKHR", VK_API_VERSION_1_2) \
	X(SetDebugUtilsObjectNameEXT, NULL, 0) \
	VMB_MAINTENANCE5_FUNCTIONS(X) \
	VMB_MAP_MEMORY2_FUNCTIONS(X)

#define VMB_DISPATCH_MEMBER(name, other, since) PFN_vk##name name;

struct vmb_instance_dispatch {
	PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
	VMB_INSTANCE_FUNCTIONS(VMB_DISPATCH_MEMBER)
};

struct vmb_device_dispatch {
	PFN_vkGetDeviceProcAddr GetDeviceProcAddr;
	VMB_DEVICE_FUNCTIONS(VMB_DISPATCH_MEMBER)
};

/* The loader's dispatch pointer, which every dispatchable object starts with: physical devices share
 * it with their instance, queues and command buffers with their device. */
static inline uint64_t vmb_dispatch_key(const void *dispatchable)
{
	return (uintptr_t) * (void *const *)dispatchable;
}

void vmb_instance_dispatch_init(struct vmb_instance_dispatch *dispatch, VkInstance instance,
	uint32_t api_version, PFN_vkGetInstanceProcAddr next);
void vmb_device_dispatch_init(struct vmb_device_dispatch *dispatch, VkDevice device,
	uint32_t api_version, PFN_vkGetDeviceProcAddr next);

#endif
