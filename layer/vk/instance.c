/* SPDX-License-Identifier: MIT */
#include "vk/instance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "observe/calls.h"
#include "vk/extensions.h"
#include "vk/physical_device.h"

/* By the loader's dispatch pointer, which an instance shares with its physical devices. Global
 * because the loader hands us nothing but handles. */
static struct vmb_map instances = VMB_MAP_INITIALIZER;

__attribute__((destructor)) static void finish_instances(void)
{
	vmb_map_finish_empty(&instances);
}

struct vmb_instance *vmb_instance_of(const void *dispatchable)
{
	return vmb_map_find(&instances, vmb_dispatch_key(dispatchable));
}

static struct vmb_physical_device *add_physical_device(
	struct vmb_instance *instance, VkPhysicalDevice handle)
{
	uint64_t key = (uintptr_t)handle;

	pthread_mutex_lock(&instance->physical_devices_lock);
	struct vmb_physical_device *physical = vmb_map_find(&instance->physical_devices, key);
	if (physical) {
		goto out;
	}
	physical = vmb_physical_device_create(instance, handle);
	if (physical && vmb_map_insert(&instance->physical_devices, key, physical) < 0) {
		vmb_physical_device_destroy(physical);
		physical = NULL;
	}
out:
	pthread_mutex_unlock(&instance->physical_devices_lock);
	return physical;
}

struct vmb_physical_device *vmb_physical_device_get(VkPhysicalDevice handle)
{
	struct vmb_instance *instance = vmb_instance_of(handle);

	if (instance->settings.disabled) {
		return NULL;
	}
	struct vmb_physical_device *physical = vmb_map_find(
		&instance->physical_devices, (uintptr_t)handle);
	if (!physical) {
		physical = add_physical_device(instance, handle);
	}
	if (!physical) {
		return NULL;
	}
	pthread_mutex_lock(&physical->decide_lock);
	if (!physical->decided) {
		vmb_physical_device_decide(physical);
		physical->decided = true;
	}
	pthread_mutex_unlock(&physical->decide_lock);
	return physical;
}

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
 * On a Vulkan 1.0 instance the device extensions that the provide route is made of depend on these
 * instance extensions, core since 1.1. The loader leaves out what a driver does not know.
 */
static const char *const needed_in_1_0[] = {
	VK_KHR_GET_PHYSICAL_DEVICE_PROPERTIES_2_EXTENSION_NAME,
	VK_KHR_EXTERNAL_MEMORY_CAPABILITIES_EXTENSION_NAME,
	VK_KHR_EXTERNAL_SEMAPHORE_CAPABILITIES_EXTENSION_NAME,
};
#define NEEDED_IN_1_0 (sizeof(needed_in_1_0) / sizeof(needed_in_1_0[0]))

static VkResult create_next(const struct vmb_instance *instance, const VkInstanceCreateInfo *info,
	const VkAllocationCallbacks *allocator, PFN_vkCreateInstance create, VkInstance *out)
{
	VkInstanceCreateInfo extended = *info;

	if (instance->settings.disabled || instance->api_version >= VK_API_VERSION_1_1) {
		return create(info, allocator, out);
	}
	const char **names = vmb_extensions_add(info->ppEnabledExtensionNames,
		&extended.enabledExtensionCount, needed_in_1_0, NEEDED_IN_1_0);
	if (!names) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	extended.ppEnabledExtensionNames = names;
	VkResult result = create(&extended, allocator, out);
	if (result == VK_ERROR_EXTENSION_NOT_PRESENT) {
		/* A loader that does not leave them out: do without. */
		result = create(info, allocator, out);
	}
	free(names);
	return result;
}

static void free_instance(struct vmb_instance *instance)
{
	struct vmb_physical_device *physical;

	while ((physical = vmb_map_pop(&instance->physical_devices))) {
		vmb_physical_device_destroy(physical);
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
		vmb_instance_log(instance, VMB_LOG_ERROR, "no trace is written to '%s': %s", path,
			ret == -EEXIST ? "it holds something else" : strerror(-ret));
	}
}

static struct vmb_instance *new_instance(const VkInstanceCreateInfo *info)
{
	struct vmb_instance *instance = calloc(1, sizeof(*instance));

	if (!instance) {
		return NULL;
	}
	if (vmb_settings_init(&instance->settings, info) < 0) {
		free(instance);
		return NULL;
	}
	instance->layer_get = vmb_GetInstanceProcAddr;
	instance->api_version = VK_API_VERSION_1_0;
	if (info->pApplicationInfo && info->pApplicationInfo->apiVersion) {
		instance->api_version = info->pApplicationInfo->apiVersion;
	}
	vmb_map_init(&instance->physical_devices);
	pthread_mutex_init(&instance->physical_devices_lock, NULL);
	open_trace(instance);
	return instance;
}

/* Makes the next layers' instance and enters ours, which stays the caller's on failure. */
static VkResult enter_instance(struct vmb_instance *instance, const VkInstanceCreateInfo *info,
	const VkAllocationCallbacks *allocator, PFN_vkGetInstanceProcAddr next, VkInstance *out)
{
	PFN_vkCreateInstance create = (PFN_vkCreateInstance)next(NULL, "vkCreateInstance");

	if (!create) {
		return VK_ERROR_INITIALIZATION_FAILED;
	}
	/* *out is what the loader has put there: its end of the chain reads it. */
	instance->loader_handle = *out;
	VkResult result = create_next(instance, info, allocator, create, out);
	if (result != VK_SUCCESS) {
		return result;
	}
	instance->handle = *out;
	vmb_instance_dispatch_init(&instance->next, instance->handle, instance->api_version, next);
	if (vmb_map_insert(&instances, vmb_dispatch_key(instance->handle), instance) < 0) {
		instance->next.DestroyInstance(instance->handle, allocator);
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_CreateInstance(
	const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *out)
{
	VkLayerInstanceCreateInfo *link = find_loader_info(info, VK_LAYER_LINK_INFO);
	VkLayerInstanceCreateInfo *device = find_loader_info(
		info, VK_LOADER_LAYER_CREATE_DEVICE_CALLBACK);
	PFN_vkGetInstanceProcAddr next = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
	struct vmb_instance *instance = new_instance(info);
	struct vmb_trace_slice slice;

	if (!instance) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	if (device) {
		instance->create_device = device->u.layerDevice.pfnLayerCreateDevice;
		instance->destroy_device = device->u.layerDevice.pfnLayerDestroyDevice;
	}

	/* The loader's protocol: each layer moves the link on for the next one. */
	link->u.pLayerInfo = link->u.pLayerInfo->pNext;
	vmb_trace_begin(&slice, instance->trace, "vkCreateInstance");
	VkResult result = enter_instance(instance, info, allocator, next, out);
	if (instance->trace) {
		vmb_traced_end(&slice, result);
	}
	if (result != VK_SUCCESS) {
		free_instance(instance);
	}
	return result;
}

VKAPI_ATTR void VKAPI_CALL vmb_DestroyInstance(
	VkInstance handle, const VkAllocationCallbacks *allocator)
{
	if (!handle) {
		return;
	}
	struct vmb_instance *instance = vmb_map_remove(&instances, vmb_dispatch_key(handle));
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, instance->trace, "vkDestroyInstance");
	instance->next.DestroyInstance(handle, allocator);
	vmb_trace_end(&slice);
	free_instance(instance);
}
