/* SPDX-License-Identifier: MIT */
#include "backend/probe_device.h"

#include <string.h>

#include "vk/allocator.h"

static bool find_family(struct vmb_probe_device *device)
{
	const struct vmb_physical_device *physical = device->physical;
	VkQueueFamilyProperties families[16];
	uint32_t count = 16;

	physical->instance->next.GetPhysicalDeviceQueueFamilyProperties(
		physical->handle, &count, families);
	for (uint32_t i = 0; i < count; i++) {
		const VkQueueFlags copies = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT |
			VK_QUEUE_TRANSFER_BIT;
		if (families[i].queueFlags & copies) {
			device->family = i;
			return true;
		}
	}
	return false;
}

/* A layer that makes dispatchable objects outside of the application's calls has to give them the
 * loader's dispatch pointer, which the device has. */
void vmb_probe_device_adopt(const struct vmb_probe_device *device, void *dispatchable)
{
	memcpy(dispatchable, device->handle, sizeof(void *));
}

bool vmb_probe_device_create(struct vmb_probe_device *device,
	const struct vmb_physical_device *physical, const struct vmb_probe_extension *extensions,
	size_t extension_count, const void *chain)
{
	const struct vmb_instance *instance = physical->instance;
	uint32_t version = vmb_physical_device_api_version(instance, physical->handle);
	const float priority = 1.0f;
	const char *names[VMB_PROBE_EXTENSIONS];
	uint32_t name_count = 0;

	*device = (struct vmb_probe_device){ .physical = physical };
	for (size_t i = 0; i < extension_count; i++) {
		if (!extensions[i].core || version < extensions[i].core) {
			names[name_count++] = extensions[i].name;
		}
	}
	if (!instance->create_device || !find_family(device)) {
		return false;
	}
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueFamilyIndex = device->family,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	const VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = chain,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
		.enabledExtensionCount = name_count,
		.ppEnabledExtensionNames = names,
	};
	if (instance->create_device(instance->loader_handle, physical->handle, &info,
		    &vmb_allocator, &device->handle, instance->layer_get,
		    &device->get) != VK_SUCCESS) {
		device->handle = VK_NULL_HANDLE;
		return false;
	}
	PFN_vkGetDeviceQueue get_queue = (PFN_vkGetDeviceQueue)device->get(
		device->handle, "vkGetDeviceQueue");
	if (!get_queue) {
		return false;
	}
	get_queue(device->handle, device->family, 0, &device->queue);
	vmb_probe_device_adopt(device, device->queue);
	return true;
}

void vmb_probe_device_destroy(struct vmb_probe_device *device)
{
	if (device->handle) {
		device->physical->instance->destroy_device(device->handle, &vmb_allocator,
			(PFN_vkDestroyDevice)device->get(device->handle, "vkDestroyDevice"));
	}
}
