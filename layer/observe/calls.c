/* SPDX-License-Identifier: MIT */
#include "observe/calls.h"

#include <stdio.h>

#include "provide/bind_call.h"
#include "provide/buffer.h"
#include "provide/image.h"
#include "provide/memory.h"
#include "provide/queries.h"
#include "provide/waits.h"
#include "virtgpu/memory.h"
#include "vk/instance.h"

static const char *result_name(VkResult result)
{
	switch (result) {
#define NAME(name) \
	case name: \
		return #name;
		NAME(VK_SUCCESS)
		NAME(VK_NOT_READY)
		NAME(VK_TIMEOUT)
		NAME(VK_INCOMPLETE)
		NAME(VK_SUBOPTIMAL_KHR)
		NAME(VK_ERROR_OUT_OF_HOST_MEMORY)
		NAME(VK_ERROR_OUT_OF_DEVICE_MEMORY)
		NAME(VK_ERROR_INITIALIZATION_FAILED)
		NAME(VK_ERROR_DEVICE_LOST)
		NAME(VK_ERROR_MEMORY_MAP_FAILED)
		NAME(VK_ERROR_EXTENSION_NOT_PRESENT)
		NAME(VK_ERROR_FEATURE_NOT_PRESENT)
		NAME(VK_ERROR_INCOMPATIBLE_DRIVER)
		NAME(VK_ERROR_FORMAT_NOT_SUPPORTED)
		NAME(VK_ERROR_TOO_MANY_OBJECTS)
		NAME(VK_ERROR_OUT_OF_DATE_KHR)
		NAME(VK_ERROR_SURFACE_LOST_KHR)
		NAME(VK_ERROR_INVALID_EXTERNAL_HANDLE)
		NAME(VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS)
		NAME(VK_ERROR_UNKNOWN)
#undef NAME
	default:
		return NULL;
	}
}

VkResult vmb_traced_end(struct vmb_trace_slice *slice, VkResult result)
{
	const char *name = result_name(result);
	char number[16];

	if (!name) {
		snprintf(number, sizeof(number), "%d", (int)result);
	}
	vmb_trace_text(&slice->args, "result", name ? name : number);
	vmb_trace_end(slice);
	return result;
}

void vmb_traced_device(struct vmb_trace_slice *slice, const struct vmb_device *device)
{
	const struct vmb_physical_device *physical = device->physical;

	/* Memory was short. */
	if (!physical) {
		return;
	}
	vmb_trace_text(&slice->args, "device", physical->name);
	vmb_trace_text(&slice->args, "driver", physical->driver);
	vmb_trace_text(&slice->args, "driver_info", physical->driver_info);
	vmb_trace_text(&slice->args, "route", vmb_route_name(device->route));
	vmb_trace_text(&slice->args, "reason", physical->reason);
}

/* The calls of which there is nothing to say but when they were made, and their result if they have one. */

#define TRACED_RESULT(object, name, parameters, ...) \
	static VKAPI_ATTR VkResult VKAPI_CALL traced_##name parameters \
	{ \
		struct vmb_trace_slice slice; \
		vmb_trace_begin(&slice, vmb_##object##_of(handle)->trace, "vk" #name); \
		return vmb_traced_end(&slice, vmb_##name(handle, __VA_ARGS__)); \
	}
#define TRACED_VOID(object, name, parameters, ...) \
	static VKAPI_ATTR void VKAPI_CALL traced_##name parameters \
	{ \
		struct vmb_trace_slice slice; \
		vmb_trace_begin(&slice, vmb_##object##_of(handle)->trace, "vk" #name); \
		vmb_##name(handle, __VA_ARGS__); \
		vmb_trace_end(&slice); \
	}

/* clang-format off */
TRACED_RESULT(instance, EnumeratePhysicalDevices,
	(VkInstance handle, uint32_t *count, VkPhysicalDevice *devices),
	count, devices)
TRACED_RESULT(instance, EnumeratePhysicalDeviceGroups,
	(VkInstance handle, uint32_t *count, VkPhysicalDeviceGroupProperties *groups),
	count, groups)
TRACED_VOID(instance, GetPhysicalDeviceFeatures,
	(VkPhysicalDevice handle, VkPhysicalDeviceFeatures *features),
	features)
TRACED_VOID(instance, GetPhysicalDeviceFeatures2,
	(VkPhysicalDevice handle, VkPhysicalDeviceFeatures2 *features),
	features)
TRACED_VOID(instance, GetPhysicalDeviceProperties,
	(VkPhysicalDevice handle, VkPhysicalDeviceProperties *properties),
	properties)
TRACED_VOID(instance, GetPhysicalDeviceProperties2,
	(VkPhysicalDevice handle, VkPhysicalDeviceProperties2 *properties),
	properties)
TRACED_VOID(instance, GetPhysicalDeviceQueueFamilyProperties,
	(VkPhysicalDevice handle, uint32_t *count, VkQueueFamilyProperties *families),
	count, families)
TRACED_VOID(instance, GetPhysicalDeviceQueueFamilyProperties2,
	(VkPhysicalDevice handle, uint32_t *count, VkQueueFamilyProperties2 *families),
	count, families)
TRACED_RESULT(instance, GetPhysicalDeviceImageFormatProperties,
	(VkPhysicalDevice handle, VkFormat format, VkImageType type, VkImageTiling tiling,
		VkImageUsageFlags usage, VkImageCreateFlags flags, VkImageFormatProperties *properties),
	format, type, tiling, usage, flags, properties)
TRACED_RESULT(instance, GetPhysicalDeviceImageFormatProperties2,
	(VkPhysicalDevice handle, const VkPhysicalDeviceImageFormatInfo2 *info,
		VkImageFormatProperties2 *properties),
	info, properties)
TRACED_VOID(instance, GetPhysicalDeviceSparseImageFormatProperties,
	(VkPhysicalDevice handle, VkFormat format, VkImageType type, VkSampleCountFlagBits samples,
		VkImageUsageFlags usage, VkImageTiling tiling, uint32_t *count,
		VkSparseImageFormatProperties *properties),
	format, type, samples, usage, tiling, count, properties)
TRACED_VOID(instance, GetPhysicalDeviceSparseImageFormatProperties2,
	(VkPhysicalDevice handle, const VkPhysicalDeviceSparseImageFormatInfo2 *info, uint32_t *count,
		VkSparseImageFormatProperties2 *properties),
	info, count, properties)
TRACED_VOID(instance, GetPhysicalDeviceExternalBufferProperties,
	(VkPhysicalDevice handle, const VkPhysicalDeviceExternalBufferInfo *info,
		VkExternalBufferProperties *properties),
	info, properties)
TRACED_RESULT(instance, GetPhysicalDeviceToolProperties,
	(VkPhysicalDevice handle, uint32_t *count, VkPhysicalDeviceToolProperties *tools),
	count, tools)
TRACED_VOID(device, GetBufferMemoryRequirements,
	(VkDevice handle, VkBuffer buffer, VkMemoryRequirements *requirements),
	buffer, requirements)
TRACED_VOID(device, GetBufferMemoryRequirements2,
	(VkDevice handle, const VkBufferMemoryRequirementsInfo2 *info,
		VkMemoryRequirements2 *requirements),
	info, requirements)
TRACED_VOID(device, GetDeviceBufferMemoryRequirements,
	(VkDevice handle, const VkDeviceBufferMemoryRequirements *info,
		VkMemoryRequirements2 *requirements),
	info, requirements)
TRACED_VOID(device, GetImageMemoryRequirements,
	(VkDevice handle, VkImage image, VkMemoryRequirements *requirements),
	image, requirements)
TRACED_VOID(device, GetImageMemoryRequirements2,
	(VkDevice handle, const VkImageMemoryRequirementsInfo2 *info,
		VkMemoryRequirements2 *requirements),
	info, requirements)
TRACED_VOID(device, GetDeviceImageMemoryRequirements,
	(VkDevice handle, const VkDeviceImageMemoryRequirements *info,
		VkMemoryRequirements2 *requirements),
	info, requirements)
TRACED_VOID(device, GetImageSparseMemoryRequirements,
	(VkDevice handle, VkImage image, uint32_t *count,
		VkSparseImageMemoryRequirements *requirements),
	image, count, requirements)
TRACED_VOID(device, GetImageSparseMemoryRequirements2,
	(VkDevice handle, const VkImageSparseMemoryRequirementsInfo2 *info, uint32_t *count,
		VkSparseImageMemoryRequirements2 *requirements),
	info, count, requirements)
TRACED_VOID(device, GetDeviceImageSparseMemoryRequirements,
	(VkDevice handle, const VkDeviceImageMemoryRequirements *info, uint32_t *count,
		VkSparseImageMemoryRequirements2 *requirements),
	info, count, requirements)
#ifdef VK_KHR_maintenance5
TRACED_VOID(device, GetDeviceImageSubresourceLayout,
	(VkDevice handle, const VkDeviceImageSubresourceInfoKHR *info, VkSubresourceLayout2KHR *layout),
	info, layout)
#endif
TRACED_RESULT(device, QueueSubmit,
	(VkQueue handle, uint32_t count, const VkSubmitInfo *submits, VkFence fence),
	count, submits, fence)
TRACED_RESULT(device, QueueSubmit2,
	(VkQueue handle, uint32_t count, const VkSubmitInfo2 *submits, VkFence fence),
	count, submits, fence)
TRACED_RESULT(device, GetQueryPoolResults,
	(VkDevice handle, VkQueryPool pool, uint32_t first, uint32_t count, size_t size, void *data,
		VkDeviceSize stride, VkQueryResultFlags flags),
	pool, first, count, size, data, stride, flags)
TRACED_RESULT(device, QueuePresentKHR,
	(VkQueue handle, const VkPresentInfoKHR *info),
	info)
TRACED_RESULT(device, AcquireNextImageKHR,
	(VkDevice handle, VkSwapchainKHR swapchain, uint64_t timeout, VkSemaphore semaphore,
		VkFence fence, uint32_t *index),
	swapchain, timeout, semaphore, fence, index)
TRACED_RESULT(device, AcquireNextImage2KHR,
	(VkDevice handle, const VkAcquireNextImageInfoKHR *info, uint32_t *index),
	info, index)
TRACED_RESULT(device, GetFenceStatus,
	(VkDevice handle, VkFence fence),
	fence)
TRACED_RESULT(device, WaitForFences,
	(VkDevice handle, uint32_t count, const VkFence *fences, VkBool32 wait_all, uint64_t timeout),
	count, fences, wait_all, timeout)
TRACED_RESULT(device, WaitSemaphores,
	(VkDevice handle, const VkSemaphoreWaitInfo *info, uint64_t timeout),
	info, timeout)
TRACED_RESULT(device, GetSemaphoreCounterValue,
	(VkDevice handle, VkSemaphore semaphore, uint64_t *value),
	semaphore, value)
/* clang-format on */

static VKAPI_ATTR VkResult VKAPI_CALL traced_QueueWaitIdle(VkQueue handle)
{
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, vmb_device_of(handle)->trace, "vkQueueWaitIdle");
	return vmb_traced_end(&slice, vmb_QueueWaitIdle(handle));
}

static VKAPI_ATTR VkResult VKAPI_CALL traced_DeviceWaitIdle(VkDevice handle)
{
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, vmb_device_of(handle)->trace, "vkDeviceWaitIdle");
	return vmb_traced_end(&slice, vmb_DeviceWaitIdle(handle));
}

static VKAPI_ATTR void VKAPI_CALL traced_DestroyDevice(
	VkDevice handle, const VkAllocationCallbacks *allocator)
{
	struct vmb_trace_slice slice;

	/* What the slice needs is the instance's, and outlives the device. */
	vmb_trace_begin(&slice, handle ? vmb_device_of(handle)->trace : NULL, "vkDestroyDevice");
	vmb_DestroyDevice(handle, allocator);
	vmb_trace_end(&slice);
}

#define PLAIN(name) \
	{ \
		(PFN_vkVoidFunction) vmb_##name, (PFN_vkVoidFunction)traced_##name \
	}
#define TOLD(name) \
	{ \
		(PFN_vkVoidFunction) vmb_##name, (PFN_vkVoidFunction)vmb_traced_##name \
	}

PFN_vkVoidFunction vmb_traced(PFN_vkVoidFunction function)
{
	static const struct {
		PFN_vkVoidFunction plain;
		PFN_vkVoidFunction traced;
	} pairs[] = {
		PLAIN(EnumeratePhysicalDevices),
		PLAIN(EnumeratePhysicalDeviceGroups),
		PLAIN(GetPhysicalDeviceFeatures),
		PLAIN(GetPhysicalDeviceFeatures2),
		PLAIN(GetPhysicalDeviceProperties),
		PLAIN(GetPhysicalDeviceProperties2),
		PLAIN(GetPhysicalDeviceQueueFamilyProperties),
		PLAIN(GetPhysicalDeviceQueueFamilyProperties2),
		PLAIN(GetPhysicalDeviceImageFormatProperties),
		PLAIN(GetPhysicalDeviceImageFormatProperties2),
		PLAIN(GetPhysicalDeviceSparseImageFormatProperties),
		PLAIN(GetPhysicalDeviceSparseImageFormatProperties2),
		PLAIN(GetPhysicalDeviceExternalBufferProperties),
		PLAIN(GetPhysicalDeviceToolProperties),
		PLAIN(DestroyDevice),
		TOLD(AllocateMemory),
		TOLD(FreeMemory),
		TOLD(CreateBuffer),
		TOLD(DestroyBuffer),
		PLAIN(GetBufferMemoryRequirements),
		PLAIN(GetBufferMemoryRequirements2),
		PLAIN(GetDeviceBufferMemoryRequirements),
		TOLD(CreateImage),
		TOLD(DestroyImage),
		PLAIN(GetImageMemoryRequirements),
		PLAIN(GetImageMemoryRequirements2),
		PLAIN(GetDeviceImageMemoryRequirements),
		PLAIN(GetImageSparseMemoryRequirements),
		PLAIN(GetImageSparseMemoryRequirements2),
		PLAIN(GetDeviceImageSparseMemoryRequirements),
#ifdef VK_KHR_maintenance5
		PLAIN(GetDeviceImageSubresourceLayout),
#endif
		TOLD(MapMemory),
#ifdef VK_KHR_map_memory2
		TOLD(MapMemory2),
#endif
		TOLD(BindImageMemory),
		TOLD(BindImageMemory2),
		TOLD(QueueBindSparse),
		PLAIN(QueueSubmit),
		PLAIN(QueueSubmit2),
		PLAIN(QueueWaitIdle),
		PLAIN(DeviceWaitIdle),
		PLAIN(GetQueryPoolResults),
		PLAIN(QueuePresentKHR),
		PLAIN(AcquireNextImageKHR),
		PLAIN(AcquireNextImage2KHR),
		PLAIN(GetFenceStatus),
		PLAIN(WaitForFences),
		PLAIN(WaitSemaphores),
		PLAIN(GetSemaphoreCounterValue),
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (pairs[i].plain == function) {
			return pairs[i].traced;
		}
	}
	return function;
}
