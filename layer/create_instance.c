/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/output.h"
#include "entry.h"
#include "enumerate.h"
#include "observe/calls.h"
#include "vk/extensions.h"
#include "vk/physical_device.h"
#include "vk/result_name.h"

static VkLayerInstanceCreateInfo *find_loader_info(
	const VkInstanceCreateInfo *info, VkLayerFunction function)
{
	for (const VkBaseInStructure *node = info->pNext; node; node = node->pNext) {
		VkLayerInstanceCreateInfo *loader = (void *)(uintptr_t)node;
		if (node->sType == VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO &&
			loader->function == function) {
			return loader;
		}
	}
	return NULL;
}

/*
 * On a Vulkan 1.0 instance the device extensions of the provide route need these instance
 * extensions, which are core since 1.1. The loader removes the extensions that a driver lacks.
 */
static const char *const needed_in_1_0[] = {
	VK_KHR_GET_PHYSICAL_DEVICE_PROPERTIES_2_EXTENSION_NAME,
	VK_KHR_EXTERNAL_MEMORY_CAPABILITIES_EXTENSION_NAME,
	VK_KHR_EXTERNAL_SEMAPHORE_CAPABILITIES_EXTENSION_NAME,
};
#define NEEDED_IN_1_0 (sizeof(needed_in_1_0) / sizeof(needed_in_1_0[0]))

/* The next layer or the driver. */
struct next {
	PFN_vkGetInstanceProcAddr get;
	PFN_vkCreateInstance create;
	VkLayerInstanceCreateInfo *link;
	VkLayerInstanceLink *rest; /* the link's value for the next layer */
};

/*
 * Calls vkCreateInstance of the next layer. A layer below advances the link, and may write to *out,
 * even if it fails. So each call starts from the same values. *out is an input: the loader's end of
 * the chain reads its own handle from *out.
 */
static VkResult call_next(const struct vmb_instance *instance, const struct next *next,
	const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *out)
{
	next->link->u.pLayerInfo = next->rest;
	*out = instance->loader_handle;
	return next->create(info, allocator, out);
}

static VkResult create_next(const struct vmb_instance *instance, const struct next *next,
	const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *out)
{
	VkInstanceCreateInfo extended = *info;

	if (instance->settings.disabled || instance->api_version >= VK_API_VERSION_1_1) {
		return call_next(instance, next, info, allocator, out);
	}
	const char **names = vmb_extensions_add(info->ppEnabledExtensionNames,
		&extended.enabledExtensionCount, needed_in_1_0, NEEDED_IN_1_0);
	if (!names) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	extended.ppEnabledExtensionNames = names;
	VkResult result = call_next(instance, next, &extended, allocator, out);
	if (result != VK_SUCCESS && extended.enabledExtensionCount > info->enabledExtensionCount) {
		/* Some loaders do not remove the extensions that a driver lacks. A layer below may
		 * refuse extensions with any error. So every failure is repeated without them. */
		vmb_instance_log(instance, VMB_LOG_INFO,
			"a driver or a layer below refuses the instance extensions for sparse "
			"resources on Vulkan 1.0 (%s): the instance is created without them",
			vmb_result_name(result) ? vmb_result_name(result) : "an error");
		result = call_next(instance, next, info, allocator, out);
	}
	free(names);
	return result;
}

static void instance_destroy(struct vmb_instance *instance)
{
	struct vmb_physical_device *physical = instance->all_physical_devices;

	while (physical) {
		struct vmb_physical_device *next = physical->next;
		vmb_physical_device_destroy(physical);
		physical = next;
	}
	vmb_map_finish(&instance->physical_devices);
	pthread_mutex_destroy(&instance->physical_devices_lock);
	vmb_trace_close(instance->trace);
	vmb_settings_finish(&instance->settings);
	free(instance);
}

static void open_trace(struct vmb_instance *instance)
{
	const char *path = instance->settings.trace;

	if (!path || instance->settings.disabled) {
		return;
	}
	int ret = vmb_trace_open(path, &instance->trace);
	if (ret < 0) {
		vmb_instance_log(instance, VMB_LOG_WARN, "cannot write a trace to '%s': %s", path,
			vmb_output_error(ret));
	}
}

static struct vmb_instance *instance_create(const VkInstanceCreateInfo *info)
{
	struct vmb_instance *instance = calloc(1, sizeof(*instance));

	if (!instance) {
		return NULL;
	}
	if (vmb_settings_init(&instance->settings, info) < 0) {
		free(instance);
		return NULL;
	}
	instance->api_version = VK_API_VERSION_1_0;
	if (info->pApplicationInfo && info->pApplicationInfo->apiVersion) {
		instance->api_version = info->pApplicationInfo->apiVersion;
	}
	vmb_map_init(&instance->physical_devices);
	pthread_mutex_init(&instance->physical_devices_lock, NULL);
	open_trace(instance);
	return instance;
}

static void load_commands(struct vmb_instance *instance, PFN_vkGetInstanceProcAddr next)
{
	VkInstance handle = instance->handle;

	instance->get_driver_command = next;
	instance->destroy = (PFN_vkDestroyInstance)next(handle, "vkDestroyInstance");
	instance->create_device = (PFN_vkCreateDevice)next(handle, "vkCreateDevice");
	vmb_instance_commands_load(&instance->driver, handle, instance->api_version, next);
	instance->untraced = instance->driver;
	if (!instance->settings.disabled) {
		vmb_instance_commands_lay(&instance->untraced, &vmb_enumerate_commands);
		/* The layer implements this command even if the driver lacks it. */
		instance->untraced.GetPhysicalDeviceToolProperties =
			vmb_GetPhysicalDeviceToolProperties;
	}
	instance->commands = instance->untraced;
	if (instance->trace) {
		vmb_instance_commands_lay(&instance->commands, &vmb_observe_instance_calls);
	}
}

/* Creates the instance of the next layer and registers the layer's object. On failure the caller
 * still owns the layer's object. */
static VkResult create_and_register(struct vmb_instance *instance, struct next *next,
	const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *out)
{
	next->create = (PFN_vkCreateInstance)next->get(NULL, "vkCreateInstance");
	if (!next->create) {
		return VK_ERROR_INITIALIZATION_FAILED;
	}
	/* The loader frees its instance twice if a layer fails after the next layer succeeded. So
	 * nothing fails after create_next(). */
	if (vmb_instance_reserve(instance) < 0) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	instance->loader_handle = *out;
	VkResult result = create_next(instance, next, info, allocator, out);
	if (result != VK_SUCCESS) {
		vmb_instance_unreserve(instance);
		return result;
	}
	instance->handle = *out;
	load_commands(instance, next->get);
	vmb_instance_register(instance);
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_CreateInstance(
	const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *out)
{
	VkLayerInstanceCreateInfo *link = find_loader_info(info, VK_LAYER_LINK_INFO);
	VkLayerInstanceCreateInfo *device = find_loader_info(
		info, VK_LOADER_LAYER_CREATE_DEVICE_CALLBACK);
	struct vmb_trace_slice slice;

	if (!link || !link->u.pLayerInfo) {
		return VK_ERROR_INITIALIZATION_FAILED;
	}
	struct vmb_instance *instance = instance_create(info);
	if (!instance) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	instance->layer_get = vmb_GetInstanceProcAddr;
	if (device) {
		instance->loader_create_device = device->u.layerDevice.pfnLayerCreateDevice;
		instance->loader_destroy_device = device->u.layerDevice.pfnLayerDestroyDevice;
	}

	/* The loader's protocol: each layer advances the link for the next one. */
	struct next next = {
		.get = link->u.pLayerInfo->pfnNextGetInstanceProcAddr,
		.link = link,
		.rest = link->u.pLayerInfo->pNext,
	};
	vmb_trace_begin(&slice, instance->trace, "vkCreateInstance");
	VkResult result = create_and_register(instance, &next, info, allocator, out);
	vmb_observe_end(&slice, result);
	if (result != VK_SUCCESS) {
		instance_destroy(instance);
	}
	return result;
}

VKAPI_ATTR void VKAPI_CALL vmb_DestroyInstance(
	VkInstance handle, const VkAllocationCallbacks *allocator)
{
	if (!handle) {
		return;
	}
	struct vmb_instance *instance = vmb_instance_unregister(handle);
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, instance->trace, "vkDestroyInstance");
	instance->destroy(handle, allocator);
	vmb_trace_end(&slice);
	instance_destroy(instance);
}
