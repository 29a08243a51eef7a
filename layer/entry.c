/* SPDX-License-Identifier: MIT */
#include "entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vk_layer.h>

#include "base/names.h"
#include "observe/calls.h"
#include "provide/bind_call.h"
#include "provide/buffer.h"
#include "provide/image.h"
#include "provide/memory.h"
#include "provide/queries.h"
#include "provide/waits.h"
#include "virtgpu/memory.h"
#include "vk/device.h"
#include "vk/instance.h"

struct entry {
	const char *name;
	PFN_vkVoidFunction function;
	/* Given out even where the next layer does not have it. */
	bool always;
};

#define ENTRY(name, function) \
	{ \
		"vk" name, (PFN_vkVoidFunction)vmb_##function, false \
	}
#define ALWAYS(name, function) \
	{ \
		"vk" name, (PFN_vkVoidFunction)vmb_##function, true \
	}

static VKAPI_ATTR VkResult VKAPI_CALL vmb_EnumerateInstanceLayerProperties(
	uint32_t *count, VkLayerProperties *layers)
{
	if (!layers) {
		*count = 1;
		return VK_SUCCESS;
	}
	if (*count == 0) {
		return VK_INCOMPLETE;
	}
	*count = 1;
	layers[0] = (VkLayerProperties){
		.layerName = VMB_LAYER_NAME,
		.description = VMB_LAYER_DESCRIPTION,
		.specVersion = VK_HEADER_VERSION_COMPLETE,
		.implementationVersion = VMB_LAYER_VERSION,
	};
	return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL vmb_EnumerateDeviceLayerProperties(
	VkPhysicalDevice physical, uint32_t *count, VkLayerProperties *layers)
{
	(void)physical;
	return vmb_EnumerateInstanceLayerProperties(count, layers);
}

static VkResult list_extension(
	const VkExtensionProperties *extension, uint32_t *count, VkExtensionProperties *out)
{
	if (!out) {
		*count = 1;
		return VK_SUCCESS;
	}
	if (*count == 0) {
		return VK_INCOMPLETE;
	}
	*count = 1;
	out[0] = *extension;
	return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL vmb_EnumerateInstanceExtensionProperties(
	const char *layer, uint32_t *count, VkExtensionProperties *extensions)
{
	if (!layer || strcmp(layer, VMB_LAYER_NAME) != 0) {
		return VK_ERROR_LAYER_NOT_PRESENT;
	}
#ifdef VK_EXT_layer_settings
	static const VkExtensionProperties settings = {
		.extensionName = VK_EXT_LAYER_SETTINGS_EXTENSION_NAME,
		.specVersion = VK_EXT_LAYER_SETTINGS_SPEC_VERSION,
	};
	return list_extension(&settings, count, extensions);
#else
	(void)extensions;
	*count = 0;
	return VK_SUCCESS;
#endif
}

static VKAPI_ATTR VkResult VKAPI_CALL vmb_EnumerateDeviceExtensionProperties(
	VkPhysicalDevice physical, const char *layer, uint32_t *count,
	VkExtensionProperties *extensions)
{
	static const VkExtensionProperties tooling = {
		.extensionName = VK_EXT_TOOLING_INFO_EXTENSION_NAME,
		.specVersion = VK_EXT_TOOLING_INFO_SPEC_VERSION,
	};

	if (layer && strcmp(layer, VMB_LAYER_NAME) == 0) {
		return list_extension(&tooling, count, extensions);
	}
	return vmb_instance_of(physical)->next.EnumerateDeviceExtensionProperties(
		physical, layer, count, extensions);
}

/* What the layer is in the chain by, even when it is turned off. */
static const struct entry chain_entries[] = {
	ALWAYS("GetInstanceProcAddr", GetInstanceProcAddr),
	ALWAYS("CreateInstance", CreateInstance),
	ALWAYS("DestroyInstance", DestroyInstance),
	ALWAYS("CreateDevice", CreateDevice),
	ALWAYS("EnumerateInstanceLayerProperties", EnumerateInstanceLayerProperties),
	ALWAYS("EnumerateInstanceExtensionProperties", EnumerateInstanceExtensionProperties),
	ALWAYS("EnumerateDeviceLayerProperties", EnumerateDeviceLayerProperties),
	ALWAYS("EnumerateDeviceExtensionProperties", EnumerateDeviceExtensionProperties),
	{ 0 },
};

static const struct entry instance_entries[] = {
	ENTRY("EnumeratePhysicalDevices", EnumeratePhysicalDevices),
	ENTRY("EnumeratePhysicalDeviceGroups", EnumeratePhysicalDeviceGroups),
	ENTRY("EnumeratePhysicalDeviceGroupsKHR", EnumeratePhysicalDeviceGroups),
	ENTRY("GetPhysicalDeviceFeatures", GetPhysicalDeviceFeatures),
	ENTRY("GetPhysicalDeviceFeatures2", GetPhysicalDeviceFeatures2),
	ENTRY("GetPhysicalDeviceFeatures2KHR", GetPhysicalDeviceFeatures2),
	ENTRY("GetPhysicalDeviceProperties", GetPhysicalDeviceProperties),
	ENTRY("GetPhysicalDeviceProperties2", GetPhysicalDeviceProperties2),
	ENTRY("GetPhysicalDeviceProperties2KHR", GetPhysicalDeviceProperties2),
	ENTRY("GetPhysicalDeviceQueueFamilyProperties", GetPhysicalDeviceQueueFamilyProperties),
	ENTRY("GetPhysicalDeviceQueueFamilyProperties2", GetPhysicalDeviceQueueFamilyProperties2),
	ENTRY("GetPhysicalDeviceQueueFamilyProperties2KHR",
		GetPhysicalDeviceQueueFamilyProperties2),
	ENTRY("GetPhysicalDeviceImageFormatProperties", GetPhysicalDeviceImageFormatProperties),
	ENTRY("GetPhysicalDeviceImageFormatProperties2", GetPhysicalDeviceImageFormatProperties2),
	ENTRY("GetPhysicalDeviceImageFormatProperties2KHR",
		GetPhysicalDeviceImageFormatProperties2),
	ENTRY("GetPhysicalDeviceSparseImageFormatProperties",
		GetPhysicalDeviceSparseImageFormatProperties),
	ENTRY("GetPhysicalDeviceSparseImageFormatProperties2",
		GetPhysicalDeviceSparseImageFormatProperties2),
	ENTRY("GetPhysicalDeviceSparseImageFormatProperties2KHR",
		GetPhysicalDeviceSparseImageFormatProperties2),
	ENTRY("GetPhysicalDeviceExternalBufferProperties",
		GetPhysicalDeviceExternalBufferProperties),
	ENTRY("GetPhysicalDeviceExternalBufferPropertiesKHR",
		GetPhysicalDeviceExternalBufferProperties),
	ALWAYS("GetPhysicalDeviceToolProperties", GetPhysicalDeviceToolProperties),
	ALWAYS("GetPhysicalDeviceToolPropertiesEXT", GetPhysicalDeviceToolProperties),
	{ 0 },
};

/* What every device needs to be accounted for. */
static const struct entry native_entries[] = {
	ALWAYS("GetDeviceProcAddr", GetDeviceProcAddr),
	ALWAYS("DestroyDevice", DestroyDevice),
	{ 0 },
};

static const struct entry assist_entries[] = {
	ENTRY("CreateBuffer", CreateBuffer),
	ENTRY("CreateImage", CreateImage),
	ENTRY("QueueBindSparse", QueueBindSparse),
	{ 0 },
};

/* Besides, where the driver works on virtio_gpu. */
static const struct entry virtgpu_entries[] = {
	ENTRY("AllocateMemory", AllocateMemory),
	ENTRY("MapMemory", MapMemory),
#ifdef VK_KHR_map_memory2
	ENTRY("MapMemory2", MapMemory2),
	ENTRY("MapMemory2KHR", MapMemory2),
#endif
	ENTRY("BindImageMemory", BindImageMemory),
	ENTRY("BindImageMemory2", BindImageMemory2),
	ENTRY("BindImageMemory2KHR", BindImageMemory2),
	{ 0 },
};

/* What those of the assist route need, and more. */
static const struct entry provide_entries[] = {
	ENTRY("AllocateMemory", AllocateMemory),
	ENTRY("FreeMemory", FreeMemory),
	ENTRY("CreateBuffer", CreateBuffer),
	ENTRY("DestroyBuffer", DestroyBuffer),
	ENTRY("GetBufferMemoryRequirements", GetBufferMemoryRequirements),
	ENTRY("GetBufferMemoryRequirements2", GetBufferMemoryRequirements2),
	ENTRY("GetBufferMemoryRequirements2KHR", GetBufferMemoryRequirements2),
	ENTRY("GetDeviceBufferMemoryRequirements", GetDeviceBufferMemoryRequirements),
	ENTRY("GetDeviceBufferMemoryRequirementsKHR", GetDeviceBufferMemoryRequirements),
	ENTRY("CreateImage", CreateImage),
	ENTRY("DestroyImage", DestroyImage),
	ENTRY("GetImageMemoryRequirements", GetImageMemoryRequirements),
	ENTRY("GetImageMemoryRequirements2", GetImageMemoryRequirements2),
	ENTRY("GetImageMemoryRequirements2KHR", GetImageMemoryRequirements2),
	ENTRY("GetDeviceImageMemoryRequirements", GetDeviceImageMemoryRequirements),
	ENTRY("GetDeviceImageMemoryRequirementsKHR", GetDeviceImageMemoryRequirements),
	ENTRY("GetImageSparseMemoryRequirements", GetImageSparseMemoryRequirements),
	ENTRY("GetImageSparseMemoryRequirements2", GetImageSparseMemoryRequirements2),
	ENTRY("GetImageSparseMemoryRequirements2KHR", GetImageSparseMemoryRequirements2),
	ENTRY("GetDeviceImageSparseMemoryRequirements", GetDeviceImageSparseMemoryRequirements),
	ENTRY("GetDeviceImageSparseMemoryRequirementsKHR", GetDeviceImageSparseMemoryRequirements),
#ifdef VK_KHR_maintenance5
	ENTRY("GetDeviceImageSubresourceLayout", GetDeviceImageSubresourceLayout),
	ENTRY("GetDeviceImageSubresourceLayoutKHR", GetDeviceImageSubresourceLayout),
#endif
	ENTRY("QueueBindSparse", QueueBindSparse),
	ENTRY("QueueSubmit", QueueSubmit),
	ENTRY("QueueSubmit2", QueueSubmit2),
	ENTRY("QueueSubmit2KHR", QueueSubmit2),
	ENTRY("QueueWaitIdle", QueueWaitIdle),
	ENTRY("DeviceWaitIdle", DeviceWaitIdle),
	ENTRY("GetQueryPoolResults", GetQueryPoolResults),
	ENTRY("QueuePresentKHR", QueuePresentKHR),
	ENTRY("AcquireNextImageKHR", AcquireNextImageKHR),
	ENTRY("AcquireNextImage2KHR", AcquireNextImage2KHR),
	ENTRY("GetFenceStatus", GetFenceStatus),
	ENTRY("WaitForFences", WaitForFences),
	ENTRY("WaitSemaphores", WaitSemaphores),
	ENTRY("WaitSemaphoresKHR", WaitSemaphores),
	ENTRY("GetSemaphoreCounterValue", GetSemaphoreCounterValue),
	ENTRY("GetSemaphoreCounterValueKHR", GetSemaphoreCounterValue),
	{ 0 },
};

/* What a trace tells of, whatever the route. */
static const struct entry traced_entries[] = {
	ENTRY("AllocateMemory", AllocateMemory),
	ENTRY("FreeMemory", FreeMemory),
	ENTRY("CreateBuffer", CreateBuffer),
	ENTRY("DestroyBuffer", DestroyBuffer),
	ENTRY("CreateImage", CreateImage),
	ENTRY("DestroyImage", DestroyImage),
	ENTRY("QueueBindSparse", QueueBindSparse),
	ENTRY("SetDebugUtilsObjectNameEXT", traced_SetDebugUtilsObjectNameEXT),
	{ 0 },
};

static const struct entry *find(const struct entry *entries, const char *name)
{
	for (const struct entry *entry = entries; entry->name; entry++) {
		if (strcmp(entry->name, name) == 0) {
			return entry;
		}
	}
	return NULL;
}

/* Ours if the next layer has the function as well, or if we need nothing of the next layer. */
static PFN_vkVoidFunction choose(
	const struct entry *entry, PFN_vkVoidFunction next, const struct vmb_trace *trace)
{
	if (!entry || (!next && !entry->always)) {
		return next;
	}
	return trace ? vmb_traced(entry->function) : entry->function;
}

/* Whether a function belongs to an extension that only the layer enabled. */
static bool is_hidden(const struct vmb_device *device, const char *name)
{
	const struct {
		const char *name;
		bool hidden;
	} functions[] = {
		{ "vkGetMemoryHostPointerPropertiesEXT", device->hides_host_import },
		{ "vkGetSemaphoreCounterValueKHR", device->hides_timeline },
		{ "vkSignalSemaphoreKHR", device->hides_timeline },
		{ "vkWaitSemaphoresKHR", device->hides_timeline },
		{ "vkGetSemaphoreFdKHR", device->hides_semaphore_fd },
		{ "vkImportSemaphoreFdKHR", device->hides_semaphore_fd },
	};

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (functions[i].hidden && strcmp(name, functions[i].name) == 0) {
			return true;
		}
	}
	return false;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vmb_GetDeviceProcAddr(VkDevice handle, const char *name)
{
	struct vmb_device *device = vmb_device_of(handle);

	if (is_hidden(device, name)) {
		return NULL;
	}
	const struct entry *entry = find(native_entries, name);

	if (!entry && device->route == VMB_ROUTE_ASSIST) {
		entry = find(assist_entries, name);
	}
	if (!entry && device->route == VMB_ROUTE_PROVIDE) {
		entry = find(provide_entries, name);
	}
	if (!entry && device->virtgpu) {
		entry = find(virtgpu_entries, name);
	}
	if (!entry && device->trace) {
		entry = find(traced_entries, name);
	}
	return choose(entry, device->next.GetDeviceProcAddr(handle, name), device->trace);
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vmb_GetInstanceProcAddr(
	VkInstance handle, const char *name)
{
	const struct entry *entry = find(chain_entries, name);

	if (entry || !handle) {
		return entry ? entry->function : NULL;
	}
	struct vmb_instance *instance = vmb_instance_of(handle);
	PFN_vkVoidFunction next = instance->next.GetInstanceProcAddr(handle, name);

	/* Device functions, too: what is asked for here must serve every device of the instance,
	 * and the functions of the provide route and of virtio_gpu serve others by passing on. */
	entry = find(native_entries, name);
	if (!entry && !instance->settings.disabled) {
		entry = find(instance_entries, name);
	}
	if (!entry && !instance->settings.disabled) {
		entry = find(provide_entries, name);
	}
	if (!entry && !instance->settings.disabled) {
		entry = find(virtgpu_entries, name);
	}
	if (!entry && instance->trace) {
		entry = find(traced_entries, name);
	}
	return choose(entry, next, instance->trace);
}

__attribute__((visibility("default"))) VKAPI_ATTR VkResult VKAPI_CALL
vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *interface)
{
	if (interface->sType != LAYER_NEGOTIATE_INTERFACE_STRUCT) {
		return VK_ERROR_INITIALIZATION_FAILED;
	}
	if (interface->loaderLayerInterfaceVersion < 2) {
		return VK_ERROR_INITIALIZATION_FAILED;
	}
	interface->loaderLayerInterfaceVersion = 2;
	interface->pfnGetInstanceProcAddr = vmb_GetInstanceProcAddr;
	interface->pfnGetDeviceProcAddr = vmb_GetDeviceProcAddr;
	interface->pfnGetPhysicalDeviceProcAddr = NULL;
	return VK_SUCCESS;
}
