/* SPDX-License-Identifier: MIT */
#include "vk/physical_device.h"

#include <stdlib.h>
#include <string.h>

const char *vmb_route_name(enum vmb_route route)
{
	switch (route) {
	case VMB_ROUTE_ASSIST:
		return "assist";
	case VMB_ROUTE_PROVIDE:
		return "provide";
	default:
		return "native";
	}
}

struct vmb_physical_device *vmb_physical_device_create(
	struct vmb_instance *instance, VkPhysicalDevice handle)
{
	struct vmb_physical_device *physical = calloc(1, sizeof(*physical));

	if (physical) {
		physical->handle = handle;
		physical->instance = instance;
		physical->untraced = instance->untraced;
		physical->commands = instance->commands;
		pthread_mutex_init(&physical->decide_lock, NULL);
	}
	return physical;
}

void vmb_physical_device_destroy(struct vmb_physical_device *physical)
{
	if (!physical) {
		return;
	}
	pthread_mutex_destroy(&physical->decide_lock);
	free(physical);
}

struct vmb_physical_device *vmb_physical_device_find(VkPhysicalDevice handle)
{
	return vmb_map_find(&vmb_instance_of(handle)->physical_devices, (uintptr_t)handle);
}

static void read_identity(const struct vmb_instance_commands *driver, VkPhysicalDevice handle,
	struct vmb_physical_identity *identity)
{
	VkPhysicalDeviceIDProperties ids = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
	};
	VkPhysicalDeviceProperties2 all = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &ids,
	};
	VkPhysicalDeviceProperties properties = { 0 };

	driver->GetPhysicalDeviceProperties(handle, &properties);
	if (properties.apiVersion >= VK_API_VERSION_1_1 && driver->GetPhysicalDeviceProperties2) {
		driver->GetPhysicalDeviceProperties2(handle, &all);
	}
	/* Clears the padding too. The driver may leave the bytes after the name unset. */
	memset(identity, 0, sizeof(*identity));
	memcpy(identity->name, properties.deviceName,
		strnlen(properties.deviceName, sizeof(identity->name)));
	identity->api_version = properties.apiVersion;
	identity->driver_version = properties.driverVersion;
	identity->vendor = properties.vendorID;
	identity->device = properties.deviceID;
	identity->type = (uint32_t)properties.deviceType;
	memcpy(identity->device_uuid, ids.deviceUUID, sizeof(identity->device_uuid));
	memcpy(identity->driver_uuid, ids.driverUUID, sizeof(identity->driver_uuid));
}

/* NULL if there is none. The caller holds physical_devices_lock. */
static struct vmb_physical_device *find_identical(const struct vmb_instance *instance,
	VkPhysicalDevice handle, const struct vmb_physical_identity *identity)
{
	struct vmb_physical_device *physical = instance->all_physical_devices;

	while (physical &&
		(physical->handle != handle ||
			memcmp(&physical->identity, identity, sizeof(*identity)) != 0)) {
		physical = physical->next;
	}
	return physical;
}

struct vmb_physical_device *vmb_physical_device_add(VkPhysicalDevice handle)
{
	struct vmb_instance *instance = vmb_instance_of(handle);
	struct vmb_physical_identity identity;

	pthread_mutex_lock(&instance->physical_devices_lock);
	read_identity(&instance->driver, handle, &identity);
	struct vmb_physical_device *physical = find_identical(instance, handle, &identity);
	if (!physical) {
		physical = vmb_physical_device_create(instance, handle);
		if (!physical) {
			goto out;
		}
		physical->identity = identity;
		physical->next = instance->all_physical_devices;
		instance->all_physical_devices = physical;
	}
	if (vmb_physical_device_find(handle) != physical &&
		vmb_map_insert(&instance->physical_devices, (uintptr_t)handle, physical) < 0) {
		physical = NULL;
	}
out:
	pthread_mutex_unlock(&instance->physical_devices_lock);
	return physical;
}

bool vmb_physical_device_has_extension(
	const struct vmb_physical_device *physical, const char *extension)
{
	const struct vmb_instance_commands *driver = &physical->instance->driver;
	VkExtensionProperties *list = NULL;
	uint32_t count = 0;
	bool found = false;

	if (driver->EnumerateDeviceExtensionProperties(physical->handle, NULL, &count, NULL) < 0) {
		return false;
	}
	list = calloc(count ? count : 1, sizeof(*list));
	if (!list ||
		driver->EnumerateDeviceExtensionProperties(physical->handle, NULL, &count, list) <
			0) {
		goto out;
	}
	for (uint32_t i = 0; i < count && !found; i++) {
		found = strcmp(list[i].extensionName, extension) == 0;
	}
out:
	free(list);
	return found;
}

bool vmb_physical_device_render_node(const struct vmb_physical_device *physical, uint32_t *node)
{
	VkPhysicalDeviceDrmPropertiesEXT drm = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRM_PROPERTIES_EXT,
	};
	VkPhysicalDeviceProperties2 all = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &drm,
	};

	/* A Vulkan 1.0 instance may have no vkGetPhysicalDeviceProperties2. */
	if (!physical->instance->driver.GetPhysicalDeviceProperties2 ||
		!vmb_physical_device_has_extension(
			physical, VK_EXT_PHYSICAL_DEVICE_DRM_EXTENSION_NAME)) {
		return false;
	}
	physical->instance->driver.GetPhysicalDeviceProperties2(physical->handle, &all);
	*node = (uint32_t)drm.renderMinor;
	return drm.hasRender;
}

uint32_t vmb_physical_device_api_version(
	const struct vmb_instance *instance, VkPhysicalDevice handle)
{
	VkPhysicalDeviceProperties properties;

	instance->driver.GetPhysicalDeviceProperties(handle, &properties);
	return properties.apiVersion < instance->api_version ? properties.apiVersion
							     : instance->api_version;
}
