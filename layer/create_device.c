/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <vulkan/vk_layer.h>

#include "assist/feature.h"
#include "entry.h"
#include "enumerate.h"
#include "merge/feature.h"
#include "observe/calls.h"
#include "observe/feature.h"
#include "provide/feature.h"
#include "vk/device.h"
#ifdef VMB_HAS_VIRTGPU
#include "virtgpu/feature.h"
#endif

/* In the order of their overlays: later features call earlier ones. */
static const struct vmb_feature *const features[] = {
	&vmb_provide_feature,
	&vmb_refusal_feature,
	&vmb_assist_feature,
	&vmb_merge_feature,
#ifdef VMB_HAS_VIRTGPU
	&vmb_virtgpu_feature,
#endif
	&vmb_observe_feature,
};
#define FEATURES (sizeof(features) / sizeof(features[0]))

static bool has_feature(const struct vmb_device *device, const struct vmb_feature *feature)
{
	return device->features[feature->id];
}

static VkLayerDeviceCreateInfo *find_link(const VkDeviceCreateInfo *info)
{
	for (const VkBaseInStructure *node = info->pNext; node; node = node->pNext) {
		VkLayerDeviceCreateInfo *loader = (void *)(uintptr_t)node;
		if (node->sType == VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO &&
			loader->function == VK_LAYER_LINK_INFO) {
			return loader;
		}
	}
	return NULL;
}

static VkResult prepare_features(struct vmb_device *device, VkDeviceCreateInfo *info)
{
	VkResult result = VK_SUCCESS;

	/* device->physical is NULL if the layer is turned off. */
	for (size_t i = 0; device->physical && i < FEATURES && result == VK_SUCCESS; i++) {
		result = features[i]->prepare(device, info);
	}
	return result;
}

static VkResult init_features(struct vmb_device *device)
{
	VkResult result = VK_SUCCESS;

	for (size_t i = 0; i < FEATURES && result == VK_SUCCESS; i++) {
		if (has_feature(device, features[i])) {
			result = features[i]->init(device);
		}
	}
	return result;
}

static void finish_features(struct vmb_device *device)
{
	for (size_t i = FEATURES; i-- > 0;) {
		if (has_feature(device, features[i])) {
			features[i]->finish(device);
		}
	}
}

static VkResult create_drivers_device(struct vmb_device *device, VkPhysicalDevice physical,
	const VkDeviceCreateInfo *info, const VkAllocationCallbacks *allocator, VkDevice *out)
{
	const struct vmb_instance *instance = vmb_instance_of(physical);

	for (size_t i = 0; i < FEATURES; i++) {
		if (has_feature(device, features[i]) && features[i]->create_begin) {
			features[i]->create_begin(device);
		}
	}
	/* *out is an input here: the loader's handle. The loader's end of the chain reads *out. */
	VkResult result = instance->create_device(physical, info, allocator, out);
	for (size_t i = FEATURES; i-- > 0;) {
		if (has_feature(device, features[i]) && features[i]->create_end) {
			features[i]->create_end(device);
		}
	}
	return result;
}

static void load_commands(
	struct vmb_device *device, VkPhysicalDevice physical, PFN_vkGetDeviceProcAddr next)
{
	uint32_t version = vmb_physical_device_api_version(vmb_instance_of(physical), physical);

	device->get_driver_command = next;
	device->destroy = (PFN_vkDestroyDevice)next(device->handle, "vkDestroyDevice");
	vmb_device_commands_load(&device->driver, device->handle, version, next);
	device->commands = device->driver;
}

/* Creates the device of the next layer and registers the layer's object. On failure the caller
 * still owns the layer's object. */
static VkResult create_and_register(struct vmb_device *device, VkPhysicalDevice physical,
	const VkDeviceCreateInfo *info, const VkAllocationCallbacks *allocator, VkDevice *out)
{
	VkLayerDeviceCreateInfo *link = find_link(info);
	VkDeviceCreateInfo changed = *info;

	if (!link || !link->u.pLayerInfo) {
		return VK_ERROR_INITIALIZATION_FAILED;
	}
	PFN_vkGetDeviceProcAddr next = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
	/* The loader's protocol: each layer advances the link for the next one. */
	link->u.pLayerInfo = link->u.pLayerInfo->pNext;
	VkResult result = prepare_features(device, &changed);
	if (result == VK_SUCCESS) {
		result = create_drivers_device(device, physical, &changed, allocator, out);
	}
	if (result != VK_SUCCESS) {
		goto fail;
	}
	device->handle = *out;
	load_commands(device, physical, next);
	result = init_features(device);
	if (result == VK_SUCCESS && vmb_device_register(device) < 0) {
		result = VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	if (result == VK_SUCCESS) {
		return VK_SUCCESS;
	}
fail:
	finish_features(device);
	if (device->handle) {
		device->destroy(device->handle, allocator);
	}
	return result;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_CreateDevice(VkPhysicalDevice physical,
	const VkDeviceCreateInfo *info, const VkAllocationCallbacks *allocator, VkDevice *out)
{
	struct vmb_device *device = calloc(1, sizeof(*device));
	struct vmb_trace_slice slice;

	if (!device) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	device->physical = vmb_physical_device_decided(physical);
	vmb_trace_begin(&slice, vmb_instance_of(physical)->trace, "vkCreateDevice");
	VkResult result = create_and_register(device, physical, info, allocator, out);
	vmb_observe_device_created(&slice, device, result);
	if (result != VK_SUCCESS) {
		free(device);
	}
	return result;
}

VKAPI_ATTR void VKAPI_CALL vmb_DestroyDevice(
	VkDevice handle, const VkAllocationCallbacks *allocator)
{
	if (!handle) {
		return;
	}
	struct vmb_trace_slice slice;
	struct vmb_device *device = vmb_device_unregister(handle);

	/* The slice uses the instance's trace, which outlives the device. */
	vmb_trace_begin(&slice, device->physical ? device->physical->instance->trace : NULL,
		"vkDestroyDevice");
	finish_features(device);
	/* After a failed bind the driver's queue may wait for done for ever, and vkDestroyDevice of
	 * the driver waits for the queue. A signal of done would report the bind as executed. So
	 * the layer leaks the driver's device. */
	if (!device->is_stranded) {
		device->destroy(handle, allocator);
	}
	vmb_trace_end(&slice);
	free(device);
}
