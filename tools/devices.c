/* SPDX-License-Identifier: MIT */
#include "devices.h"

#include <stdlib.h>
#include <string.h>

#include "merge/drivers.h"
#include "route/decide.h"
#include "route/provided_features.h"
#include "vk/instance.h"
#include "vk/physical_device.h"

static PFN_vkGetInstanceProcAddr open_loader(struct vmb_answer *answer,
	struct vmb_loader_facts *loader, const struct vmb_driver_filter *filter)
{
	vmb_environment_drop_layer();
	if (filter->without_layers) {
		vmb_environment_drop_all_layers();
	}
	if (filter->manifest) {
		vmb_environment_pin_driver(filter->manifest);
	}
	return vmb_loader_open(answer, loader);
}

void vmb_query_device_count(struct vmb_answer *answer, const void *data)
{
	struct vmb_count_answer *out = (struct vmb_count_answer *)answer;
	VkInstance instance;

	PFN_vkGetInstanceProcAddr get = open_loader(answer, &out->loader, data);
	if (!get || !vmb_loader_create_instance(answer, get, &instance)) {
		return;
	}
	PFN_vkEnumeratePhysicalDevices enumerate = (PFN_vkEnumeratePhysicalDevices)get(
		instance, "vkEnumeratePhysicalDevices");
	answer->stage = VMB_STAGE_ENUMERATE;
	answer->result = enumerate(instance, &out->count, NULL);
	answer->is_complete = answer->result == VK_SUCCESS;
}

/*
 * The route decision works on the layer's struct vmb_instance. Here the loader's functions take the
 * place of the next layer's functions.
 */

static VkResult VKAPI_CALL create_device(VkInstance instance, VkPhysicalDevice physical,
	const VkDeviceCreateInfo *info, const VkAllocationCallbacks *allocator, VkDevice *device,
	PFN_vkGetInstanceProcAddr layer_get, PFN_vkGetDeviceProcAddr *get)
{
	PFN_vkCreateDevice create = (PFN_vkCreateDevice)layer_get(instance, "vkCreateDevice");

	*get = (PFN_vkGetDeviceProcAddr)layer_get(instance, "vkGetDeviceProcAddr");
	return create(physical, info, allocator, device);
}

static void VKAPI_CALL destroy_device(
	VkDevice device, const VkAllocationCallbacks *allocator, PFN_vkDestroyDevice destroy)
{
	destroy(device, allocator);
}

static void init_instance(struct vmb_instance *instance, VkInstance handle,
	PFN_vkGetInstanceProcAddr get, const struct vmb_settings *settings)
{
	*instance = (struct vmb_instance){
		.handle = handle,
		.loader_handle = handle,
		.settings = *settings,
		.api_version = VMB_INSTANCE_VERSION,
		.loader_create_device = create_device,
		.loader_destroy_device = destroy_device,
		.layer_get = get,
	};
	vmb_instance_commands_load(&instance->driver, handle, VMB_INSTANCE_VERSION, get);
}

static VkPhysicalDevice find_device(
	struct vmb_answer *answer, const struct vmb_instance *instance, uint32_t index)
{
	uint32_t count = index + 1;
	VkPhysicalDevice found = VK_NULL_HANDLE;
	VkPhysicalDevice *devices = calloc(count, sizeof(*devices));

	answer->stage = VMB_STAGE_ENUMERATE;
	if (!devices) {
		answer->result = VK_ERROR_OUT_OF_HOST_MEMORY;
		return VK_NULL_HANDLE;
	}
	VkResult result = instance->driver.EnumeratePhysicalDevices(
		instance->handle, &count, devices);
	if (result >= 0 && count == index + 1) {
		found = devices[index];
	} else {
		/* The device is gone since the count. */
		answer->result = result < 0 ? result : VK_ERROR_INITIALIZATION_FAILED;
	}
	free(devices);
	return found;
}

static void read_properties(
	struct vmb_device_answer *out, const struct vmb_physical_device *physical)
{
	const struct vmb_instance_commands *commands = &physical->instance->driver;
	VkPhysicalDeviceDriverProperties driver = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
	};
	VkPhysicalDeviceProperties2 all = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &driver,
	};

	out->answer.stage = VMB_STAGE_PROPERTIES;
	commands->GetPhysicalDeviceProperties(physical->handle, &out->properties);
	if (out->properties.apiVersion >= VK_API_VERSION_1_1 &&
		commands->GetPhysicalDeviceProperties2) {
		commands->GetPhysicalDeviceProperties2(physical->handle, &all);
	}
	out->driver_id = driver.driverID;
	memcpy(out->driver, driver.driverName, sizeof(out->driver));
	memcpy(out->driver_info, driver.driverInfo, sizeof(out->driver_info));
}

static void read_features(struct vmb_device_answer *out, const struct vmb_physical_device *physical)
{
	const struct vmb_instance_commands *commands = &physical->instance->driver;
	VkQueueFamilyProperties families[32];
	uint32_t count = sizeof(families) / sizeof(families[0]);

	out->answer.stage = VMB_STAGE_FEATURES;
	commands->GetPhysicalDeviceFeatures(physical->handle, &out->features);
	commands->GetPhysicalDeviceQueueFamilyProperties(physical->handle, &count, families);
	for (uint32_t i = 0; i < count; i++) {
		if (families[i].queueFlags & VK_QUEUE_SPARSE_BINDING_BIT) {
			out->sparse_families |= UINT32_C(1) << i;
		}
	}
}

static void read_heaps(struct vmb_device_answer *out, const struct vmb_physical_device *physical)
{
	VkPhysicalDeviceMemoryProperties memory;

	physical->instance->driver.GetPhysicalDeviceMemoryProperties(physical->handle, &memory);
	for (uint32_t i = 0; i < memory.memoryTypeCount; i++) {
		uint64_t size = memory.memoryHeaps[memory.memoryTypes[i].heapIndex].size;
		if ((memory.memoryTypes[i].propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) &&
			size > out->mappable_heap) {
			out->mappable_heap = size;
		}
	}
}

static void read_kernel(struct vmb_device_answer *out, const struct vmb_physical_device *physical)
{
	out->answer.stage = VMB_STAGE_KERNEL;
	out->kernel.has_node = vmb_physical_device_render_node(physical, &out->kernel.node);
	if (out->kernel.has_node) {
		vmb_kernel_facts_read(&out->kernel);
	}
}

static bool defers(
	const struct vmb_kernel_facts *kernel, const struct vmb_physical_device *physical)
{
	const struct vmb_settings *settings = &physical->instance->settings;

	return settings->route != VMB_REQUEST_OFF &&
		vmb_kernel_facts_defers(kernel, settings->defer_blobs);
}

static void decide(struct vmb_device_answer *out, struct vmb_physical_device *physical)
{
	out->answer.stage = VMB_STAGE_DECIDE;
	vmb_route_decide(physical);
	out->route = physical->route;
	out->reason = physical->reason;
	out->fault = physical->fault;
	if (physical->route == VMB_ROUTE_PROVIDE) {
		vmb_features_provide(physical, &out->provided);
	}
	out->provided_addresses = physical->address_space;
	out->defers = defers(&out->kernel, physical);
	struct vmb_merge_choice merge = vmb_merge_choose(physical);
	out->joins_binds = merge.joins;
	out->joins_reason = merge.reason;
	out->is_decided = true;
}

/* Does not destroy the instance: a driver may hang in that call, and the process ends anyway. */
void vmb_query_device(struct vmb_answer *answer, const void *data)
{
	const struct vmb_device_query *query = data;
	struct vmb_device_answer *out = (struct vmb_device_answer *)answer;
	struct vmb_loader_facts loader;
	struct vmb_instance instance;
	VkInstance handle;

	PFN_vkGetInstanceProcAddr get = open_loader(answer, &loader, query->filter);
	if (!get || !vmb_loader_create_instance(answer, get, &handle)) {
		return;
	}
	init_instance(&instance, handle, get, query->settings);
	VkPhysicalDevice device = find_device(answer, &instance, query->index);
	if (!device) {
		return;
	}
	struct vmb_physical_device *physical = vmb_physical_device_create(&instance, device);
	if (!physical) {
		answer->result = VK_ERROR_OUT_OF_HOST_MEMORY;
		return;
	}
	read_properties(out, physical);
	read_features(out, physical);
	read_heaps(out, physical);
	read_kernel(out, physical);
	decide(out, physical);
	answer->is_complete = true;
}
