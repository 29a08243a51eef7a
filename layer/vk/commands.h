/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_COMMANDS_H
#define VMB_VK_COMMANDS_H

#include <stdint.h>
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

#include "vk/newer_headers.h"

/*
 * The list of all Vulkan commands that the layer calls or replaces. Macros expand the list to the
 * tables of function pointers, the look-up by name, the trampolines of vkGetInstanceProcAddr and
 * the wrappers of a trace.
 *
 * X(type, name, alias, since, parameters, arguments)
 *   alias, since   the second name, and the version in which the first name is core; NULL and 0 if
 *                  the command has one name
 *   parameters     the first parameter is the dispatchable object, and is named handle
 */

#define VMB_INSTANCE_COMMANDS(X) \
	X(VkResult, EnumeratePhysicalDevices, NULL, 0, \
		(VkInstance handle, uint32_t * count, VkPhysicalDevice * devices), \
		(handle, count, devices)) \
	X(VkResult, EnumeratePhysicalDeviceGroups, "vkEnumeratePhysicalDeviceGroupsKHR", \
		VK_API_VERSION_1_1, \
		(VkInstance handle, uint32_t * count, VkPhysicalDeviceGroupProperties * groups), \
		(handle, count, groups))

#define VMB_PHYSICAL_DEVICE_COMMANDS(X) \
	X(VkResult, EnumerateDeviceExtensionProperties, NULL, 0, \
		(VkPhysicalDevice handle, const char *layer, uint32_t *count, \
			VkExtensionProperties *extensions), \
		(handle, layer, count, extensions)) \
	X(void, GetPhysicalDeviceFeatures, NULL, 0, \
		(VkPhysicalDevice handle, VkPhysicalDeviceFeatures * features), \
		(handle, features)) \
	X(void, GetPhysicalDeviceFeatures2, "vkGetPhysicalDeviceFeatures2KHR", VK_API_VERSION_1_1, \
		(VkPhysicalDevice handle, VkPhysicalDeviceFeatures2 * features), \
		(handle, features)) \
	X(void, GetPhysicalDeviceProperties, NULL, 0, \
		(VkPhysicalDevice handle, VkPhysicalDeviceProperties * properties), \
		(handle, properties)) \
	X(void, GetPhysicalDeviceProperties2, "vkGetPhysicalDeviceProperties2KHR", \
		VK_API_VERSION_1_1, \
		(VkPhysicalDevice handle, VkPhysicalDeviceProperties2 * properties), \
		(handle, properties)) \
	X(void, GetPhysicalDeviceMemoryProperties, NULL, 0, \
		(VkPhysicalDevice handle, VkPhysicalDeviceMemoryProperties * properties), \
		(handle, properties)) \
	X(void, GetPhysicalDeviceQueueFamilyProperties, NULL, 0, \
		(VkPhysicalDevice handle, uint32_t * count, VkQueueFamilyProperties * families), \
		(handle, count, families)) \
	X(void, GetPhysicalDeviceQueueFamilyProperties2, \
		"vkGetPhysicalDeviceQueueFamilyProperties2KHR", VK_API_VERSION_1_1, \
		(VkPhysicalDevice handle, uint32_t * count, VkQueueFamilyProperties2 * families), \
		(handle, count, families)) \
	X(VkResult, GetPhysicalDeviceImageFormatProperties, NULL, 0, \
		(VkPhysicalDevice handle, VkFormat format, VkImageType image_type, \
			VkImageTiling tiling, VkImageUsageFlags usage, VkImageCreateFlags flags, \
			VkImageFormatProperties * properties), \
		(handle, format, image_type, tiling, usage, flags, properties)) \
	X(VkResult, GetPhysicalDeviceImageFormatProperties2, \
		"vkGetPhysicalDeviceImageFormatProperties2KHR", VK_API_VERSION_1_1, \
		(VkPhysicalDevice handle, const VkPhysicalDeviceImageFormatInfo2 *info, \
			VkImageFormatProperties2 *properties), \
		(handle, info, properties)) \
	X(void, GetPhysicalDeviceSparseImageFormatProperties, NULL, 0, \
		(VkPhysicalDevice handle, VkFormat format, VkImageType image_type, \
			VkSampleCountFlagBits samples, VkImageUsageFlags usage, \
			VkImageTiling tiling, uint32_t * count, \
			VkSparseImageFormatProperties * properties), \
		(handle, format, image_type, samples, usage, tiling, count, properties)) \
	X(void, GetPhysicalDeviceSparseImageFormatProperties2, \
		"vkGetPhysicalDeviceSparseImageFormatProperties2KHR", VK_API_VERSION_1_1, \
		(VkPhysicalDevice handle, const VkPhysicalDeviceSparseImageFormatInfo2 *info, \
			uint32_t *count, VkSparseImageFormatProperties2 *properties), \
		(handle, info, count, properties)) \
	X(void, GetPhysicalDeviceExternalBufferProperties, \
		"vkGetPhysicalDeviceExternalBufferPropertiesKHR", VK_API_VERSION_1_1, \
		(VkPhysicalDevice handle, const VkPhysicalDeviceExternalBufferInfo *info, \
			VkExternalBufferProperties *properties), \
		(handle, info, properties)) \
	X(VkResult, GetPhysicalDeviceToolProperties, "vkGetPhysicalDeviceToolPropertiesEXT", \
		VK_API_VERSION_1_3, \
		(VkPhysicalDevice handle, uint32_t * count, \
			VkPhysicalDeviceToolProperties * tools), \
		(handle, count, tools))

#define VMB_DEVICE_COMMANDS(X) \
	X(VkResult, DeviceWaitIdle, NULL, 0, (VkDevice handle), (handle)) \
	X(VkResult, AllocateMemory, NULL, 0, \
		(VkDevice handle, const VkMemoryAllocateInfo *info, \
			const VkAllocationCallbacks *allocator, VkDeviceMemory *out), \
		(handle, info, allocator, out)) \
	X(void, FreeMemory, NULL, 0, \
		(VkDevice handle, VkDeviceMemory memory, const VkAllocationCallbacks *allocator), \
		(handle, memory, allocator)) \
	X(VkResult, MapMemory, NULL, 0, \
		(VkDevice handle, VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize size, \
			VkMemoryMapFlags flags, void **out), \
		(handle, memory, offset, size, flags, out)) \
	X(VkResult, MapMemory2, "vkMapMemory2KHR", VK_MAKE_API_VERSION(0, 1, 4, 0), \
		(VkDevice handle, const VkMemoryMapInfoKHR *info, void **out), \
		(handle, info, out)) \
	X(VkResult, CreateBuffer, NULL, 0, \
		(VkDevice handle, const VkBufferCreateInfo *info, \
			const VkAllocationCallbacks *allocator, VkBuffer *out), \
		(handle, info, allocator, out)) \
	X(void, DestroyBuffer, NULL, 0, \
		(VkDevice handle, VkBuffer buffer, const VkAllocationCallbacks *allocator), \
		(handle, buffer, allocator)) \
	X(VkResult, BindBufferMemory, NULL, 0, \
		(VkDevice handle, VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize offset), \
		(handle, buffer, memory, offset)) \
	X(void, GetBufferMemoryRequirements, NULL, 0, \
		(VkDevice handle, VkBuffer buffer, VkMemoryRequirements * requirements), \
		(handle, buffer, requirements)) \
	X(void, GetBufferMemoryRequirements2, "vkGetBufferMemoryRequirements2KHR", \
		VK_API_VERSION_1_1, \
		(VkDevice handle, const VkBufferMemoryRequirementsInfo2 *info, \
			VkMemoryRequirements2 *requirements), \
		(handle, info, requirements)) \
	X(void, GetDeviceBufferMemoryRequirements, "vkGetDeviceBufferMemoryRequirementsKHR", \
		VK_API_VERSION_1_3, \
		(VkDevice handle, const VkDeviceBufferMemoryRequirements *info, \
			VkMemoryRequirements2 *requirements), \
		(handle, info, requirements)) \
	X(VkResult, CreateImage, NULL, 0, \
		(VkDevice handle, const VkImageCreateInfo *info, \
			const VkAllocationCallbacks *allocator, VkImage *out), \
		(handle, info, allocator, out)) \
	X(void, DestroyImage, NULL, 0, \
		(VkDevice handle, VkImage image, const VkAllocationCallbacks *allocator), \
		(handle, image, allocator)) \
	X(VkResult, BindImageMemory, NULL, 0, \
		(VkDevice handle, VkImage image, VkDeviceMemory memory, VkDeviceSize offset), \
		(handle, image, memory, offset)) \
	X(VkResult, BindImageMemory2, "vkBindImageMemory2KHR", VK_API_VERSION_1_1, \
		(VkDevice handle, uint32_t count, const VkBindImageMemoryInfo *infos), \
		(handle, count, infos)) \
	X(void, GetImageMemoryRequirements, NULL, 0, \
		(VkDevice handle, VkImage image, VkMemoryRequirements * requirements), \
		(handle, image, requirements)) \
	X(void, GetImageMemoryRequirements2, "vkGetImageMemoryRequirements2KHR", \
		VK_API_VERSION_1_1, \
		(VkDevice handle, const VkImageMemoryRequirementsInfo2 *info, \
			VkMemoryRequirements2 *requirements), \
		(handle, info, requirements)) \
	X(void, GetDeviceImageMemoryRequirements, "vkGetDeviceImageMemoryRequirementsKHR", \
		VK_API_VERSION_1_3, \
		(VkDevice handle, const VkDeviceImageMemoryRequirements *info, \
			VkMemoryRequirements2 *requirements), \
		(handle, info, requirements)) \
	X(void, GetImageSparseMemoryRequirements, NULL, 0, \
		(VkDevice handle, VkImage image, uint32_t * count, \
			VkSparseImageMemoryRequirements * requirements), \
		(handle, image, count, requirements)) \
	X(void, GetImageSparseMemoryRequirements2, "vkGetImageSparseMemoryRequirements2KHR", \
		VK_API_VERSION_1_1, \
		(VkDevice handle, const VkImageSparseMemoryRequirementsInfo2 *info, \
			uint32_t *count, VkSparseImageMemoryRequirements2 *requirements), \
		(handle, info, count, requirements)) \
	X(void, GetDeviceImageSparseMemoryRequirements, \
		"vkGetDeviceImageSparseMemoryRequirementsKHR", VK_API_VERSION_1_3, \
		(VkDevice handle, const VkDeviceImageMemoryRequirements *info, uint32_t *count, \
			VkSparseImageMemoryRequirements2 *requirements), \
		(handle, info, count, requirements)) \
	X(void, GetDeviceImageSubresourceLayout, "vkGetDeviceImageSubresourceLayoutKHR", \
		VK_MAKE_API_VERSION(0, 1, 4, 0), \
		(VkDevice handle, const VkDeviceImageSubresourceInfoKHR *info, \
			VkSubresourceLayout2KHR *layout), \
		(handle, info, layout)) \
	X(VkResult, GetMemoryHostPointerPropertiesEXT, NULL, 0, \
		(VkDevice handle, VkExternalMemoryHandleTypeFlagBits handle_type, \
			const void *pointer, VkMemoryHostPointerPropertiesEXT *properties), \
		(handle, handle_type, pointer, properties)) \
	X(VkResult, QueueBindSparse, NULL, 0, \
		(VkQueue handle, uint32_t count, const VkBindSparseInfo *infos, VkFence fence), \
		(handle, count, infos, fence)) \
	X(VkResult, QueueSubmit, NULL, 0, \
		(VkQueue handle, uint32_t count, const VkSubmitInfo *submits, VkFence fence), \
		(handle, count, submits, fence)) \
	X(VkResult, QueueSubmit2, "vkQueueSubmit2KHR", VK_API_VERSION_1_3, \
		(VkQueue handle, uint32_t count, const VkSubmitInfo2 *submits, VkFence fence), \
		(handle, count, submits, fence)) \
	X(VkResult, QueueWaitIdle, NULL, 0, (VkQueue handle), (handle)) \
	X(VkResult, QueuePresentKHR, NULL, 0, (VkQueue handle, const VkPresentInfoKHR *info), \
		(handle, info)) \
	X(VkResult, AcquireNextImageKHR, NULL, 0, \
		(VkDevice handle, VkSwapchainKHR swapchain, uint64_t timeout, \
			VkSemaphore semaphore, VkFence fence, uint32_t * index), \
		(handle, swapchain, timeout, semaphore, fence, index)) \
	X(VkResult, AcquireNextImage2KHR, NULL, 0, \
		(VkDevice handle, const VkAcquireNextImageInfoKHR *info, uint32_t *index), \
		(handle, info, index)) \
	X(VkResult, GetQueryPoolResults, NULL, 0, \
		(VkDevice handle, VkQueryPool pool, uint32_t first, uint32_t count, size_t size, \
			void *data, VkDeviceSize stride, VkQueryResultFlags flags), \
		(handle, pool, first, count, size, data, stride, flags)) \
	X(VkResult, CreateFence, NULL, 0, \
		(VkDevice handle, const VkFenceCreateInfo *info, \
			const VkAllocationCallbacks *allocator, VkFence *out), \
		(handle, info, allocator, out)) \
	X(void, DestroyFence, NULL, 0, \
		(VkDevice handle, VkFence fence, const VkAllocationCallbacks *allocator), \
		(handle, fence, allocator)) \
	X(VkResult, GetFenceStatus, NULL, 0, (VkDevice handle, VkFence fence), (handle, fence)) \
	X(VkResult, WaitForFences, NULL, 0, \
		(VkDevice handle, uint32_t count, const VkFence *fences, VkBool32 wait_all, \
			uint64_t timeout), \
		(handle, count, fences, wait_all, timeout)) \
	X(VkResult, CreateSemaphore, NULL, 0, \
		(VkDevice handle, const VkSemaphoreCreateInfo *info, \
			const VkAllocationCallbacks *allocator, VkSemaphore *out), \
		(handle, info, allocator, out)) \
	X(void, DestroySemaphore, NULL, 0, \
		(VkDevice handle, VkSemaphore semaphore, const VkAllocationCallbacks *allocator), \
		(handle, semaphore, allocator)) \
	X(VkResult, GetSemaphoreFdKHR, NULL, 0, \
		(VkDevice handle, const VkSemaphoreGetFdInfoKHR *info, int *fd), \
		(handle, info, fd)) \
	X(VkResult, WaitSemaphores, "vkWaitSemaphoresKHR", VK_API_VERSION_1_2, \
		(VkDevice handle, const VkSemaphoreWaitInfo *info, uint64_t timeout), \
		(handle, info, timeout)) \
	X(VkResult, SignalSemaphore, "vkSignalSemaphoreKHR", VK_API_VERSION_1_2, \
		(VkDevice handle, const VkSemaphoreSignalInfo *info), (handle, info)) \
	X(VkResult, GetSemaphoreCounterValue, "vkGetSemaphoreCounterValueKHR", VK_API_VERSION_1_2, \
		(VkDevice handle, VkSemaphore semaphore, uint64_t * value), \
		(handle, semaphore, value)) \
	X(VkResult, SetDebugUtilsObjectNameEXT, NULL, 0, \
		(VkDevice handle, const VkDebugUtilsObjectNameInfoEXT *info), (handle, info))

#define VMB_COMMAND_MEMBER(type, name, alias, since, parameters, arguments) \
	type(VKAPI_PTR *name) parameters;

/*
 * Tables of commands. In the table of a driver, NULL marks a command that the driver does not have.
 * In an overlay, NULL marks a command that the overlay does not replace.
 */
struct vmb_instance_commands {
	VMB_INSTANCE_COMMANDS(VMB_COMMAND_MEMBER)
	VMB_PHYSICAL_DEVICE_COMMANDS(VMB_COMMAND_MEMBER)
};

struct vmb_device_commands {
	VMB_DEVICE_COMMANDS(VMB_COMMAND_MEMBER)
};

/* The list that contains a command. */
enum vmb_command_level {
	VMB_COMMAND_UNKNOWN,
	VMB_COMMAND_INSTANCE,
	VMB_COMMAND_PHYSICAL_DEVICE,
	VMB_COMMAND_DEVICE,
};

/* A command: its list, and its place in the tables. */
struct vmb_command {
	enum vmb_command_level level;
	size_t offset; /* in bytes, in the table of the level */
};

/* Finds a command by either of its names. The level is VMB_COMMAND_UNKNOWN without a match. */
struct vmb_command vmb_command_find(const char *name);
/* The command's pointer in a table, which must be of the command's level. May be NULL. */
PFN_vkVoidFunction vmb_command_in(const void *table, const struct vmb_command *command);

/* Fill a table with the commands of the next layer or the driver. A command with two names is
 * looked up by the core name first if api_version has it, otherwise by the alias first. */
void vmb_instance_commands_load(struct vmb_instance_commands *commands, VkInstance instance,
	uint32_t api_version, PFN_vkGetInstanceProcAddr next);
void vmb_device_commands_load(struct vmb_device_commands *commands, VkDevice device,
	uint32_t api_version, PFN_vkGetDeviceProcAddr next);

/* Lay an overlay over a table. A command that the table does not have stays NULL. */
void vmb_instance_commands_lay(
	struct vmb_instance_commands *commands, const struct vmb_instance_commands *overlay);
void vmb_device_commands_lay(
	struct vmb_device_commands *commands, const struct vmb_device_commands *overlay);

/* Copies a command from source to an overlay if the overlay lacks the command, and if the tables
 * one and other differ in the command. */
void vmb_device_commands_add_changed(struct vmb_device_commands *overlay,
	const struct vmb_device_commands *source, const struct vmb_device_commands *one,
	const struct vmb_device_commands *other);

#endif
