/* SPDX-License-Identifier: MIT */
#include "vk/physical_device.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/host/vm.h"
#include "backend/probe.h"

bool vmb_physical_device_has_extension(
	const struct vmb_physical_device *physical, const char *extension)
{
	const struct vmb_instance_dispatch *next = &physical->instance->next;
	VkExtensionProperties *list = NULL;
	uint32_t count = 0;
	bool found = false;

	if (next->EnumerateDeviceExtensionProperties(physical->handle, NULL, &count, NULL) < 0) {
		return false;
	}
	list = calloc(count ? count : 1, sizeof(*list));
	if (!list ||
		next->EnumerateDeviceExtensionProperties(physical->handle, NULL, &count, list) <
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

uint32_t vmb_physical_device_api_version(
	const struct vmb_instance *instance, VkPhysicalDevice handle)
{
	VkPhysicalDeviceProperties properties;

	instance->next.GetPhysicalDeviceProperties(handle, &properties);
	return properties.apiVersion < instance->api_version ? properties.apiVersion
							     : instance->api_version;
}

/* Fills in what only Vulkan 1.1 can say; on an older instance it stays as it is, and the driver
 * unknown. */
static VkDriverId read_properties2(
	struct vmb_physical_device *physical, VkPhysicalDeviceProperties *properties)
{
	const struct vmb_instance_dispatch *next = &physical->instance->next;
	VkPhysicalDeviceExternalMemoryHostPropertiesEXT host = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT,
	};
	VkPhysicalDeviceDriverProperties driver = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
		.pNext = &host,
	};
	VkPhysicalDeviceProperties2 all = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &driver,
	};

	next->GetPhysicalDeviceProperties(physical->handle, properties);
	if (properties->apiVersion >= VK_API_VERSION_1_1 && next->GetPhysicalDeviceProperties2) {
		next->GetPhysicalDeviceProperties2(physical->handle, &all);
	}
	memcpy(physical->driver, driver.driverName, sizeof(physical->driver));
	memcpy(physical->driver_info, driver.driverInfo, sizeof(physical->driver_info));

	VkDeviceSize page = (VkDeviceSize)sysconf(_SC_PAGESIZE);
	physical->granularity = host.minImportedHostPointerAlignment > page
		? host.minImportedHostPointerAlignment
		: page;
	return driver.driverID;
}

static bool has_core_or_extension(const struct vmb_physical_device *physical,
	const VkPhysicalDeviceProperties *properties, uint32_t core, const char *extension)
{
	return properties->apiVersion >= core ||
		vmb_physical_device_has_extension(physical, extension);
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

	/* On a Vulkan 1.0 instance there need not be such a function. */
	if (!physical->instance->next.GetPhysicalDeviceProperties2 ||
		!vmb_physical_device_has_extension(
			physical, VK_EXT_PHYSICAL_DEVICE_DRM_EXTENSION_NAME)) {
		return false;
	}
	physical->instance->next.GetPhysicalDeviceProperties2(physical->handle, &all);
	*node = (uint32_t)drm.renderMinor;
	return drm.hasRender;
}

/* The kernel's driver, asked through the device's render node; its name is empty if that cannot be had. */
static void read_kernel(
	const struct vmb_physical_device *physical, struct vmb_kernel_driver *kernel)
{
	uint32_t node;

	if (!vmb_physical_device_render_node(physical, &node)) {
		return;
	}
	int ret = vmb_kernel_driver_of_node(node, kernel);
	if (ret < 0) {
		kernel->name[0] = '\0';
		vmb_instance_log(physical->instance, VMB_LOG_INFO,
			"%s: the kernel's driver is not known: %s", physical->name, strerror(-ret));
	}
}

static void read_facts(struct vmb_physical_device *physical, struct vmb_route_facts *facts)
{
	VkPhysicalDeviceProperties properties;
	VkPhysicalDeviceFeatures features;

	VkDriverId driver = read_properties2(physical, &properties);
	memcpy(physical->name, properties.deviceName, sizeof(physical->name));
	physical->instance->next.GetPhysicalDeviceFeatures(physical->handle, &features);
	physical->driver_has_sparse = features.sparseBinding;

	*facts = (struct vmb_route_facts){
		.wish = physical->instance->settings.route,
		.driver = driver,
		.driver_version = properties.driverVersion,
		.is_cpu = properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU,
		.has_sparse = features.sparseBinding,
	};
	/* What follows costs calls: it is read where the choice can depend on it. */
	if (vmb_route_needs_kernel(facts)) {
		read_kernel(physical, &physical->kernel);
		facts->kernel = physical->kernel;
		facts->can_share_semaphores = vmb_physical_device_has_extension(
			physical, VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME);
	}
	if (facts->is_cpu) {
		facts->can_import_host = vmb_physical_device_has_extension(
			physical, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
	}
	if (facts->is_cpu || facts->kernel.name[0]) {
		facts->has_timeline = has_core_or_extension(physical, &properties,
			VK_API_VERSION_1_2, VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME);
	}
}

/* Drivers on native contexts are those that they are elsewhere. The kernel is not asked: on the native route it
 * hears of the layer in no other way. */
static bool is_virtgpu(const struct vmb_physical_device *physical)
{
	uint32_t node;

	return vmb_physical_device_render_node(physical, &node) && vmb_kernel_is_virtio_gpu(node);
}

/* Also finds out what there is to say of it. */
static bool try_backend(struct vmb_physical_device *physical, enum vmb_backend backend)
{
	if (backend == VMB_BACKEND_HOST) {
		physical->address_space = vmb_host_address_space();
		return vmb_probe_host(physical);
	}
	return vmb_probe_panthor(physical, &physical->address_space);
}

void vmb_physical_device_decide(struct vmb_physical_device *physical)
{
	struct vmb_instance *instance = physical->instance;
	struct vmb_route_facts facts;

	read_facts(physical, &facts);
	struct vmb_route_choice choice = vmb_route_choose(&facts);
	if (choice.needs_trial) {
		facts.tried = true;
		facts.passed = try_backend(physical, choice.backend);
		choice = vmb_route_choose(&facts);
	}
	physical->is_venus = facts.driver == VK_DRIVER_ID_MESA_VENUS;
	physical->is_virtgpu = physical->is_venus || is_virtgpu(physical);
	physical->route = choice.route;
	physical->backend = choice.backend;
	physical->reason = choice.reason;
	physical->fault = choice.fault;
	vmb_instance_log(instance, choice.wish_denied ? VMB_LOG_WARN : VMB_LOG_INFO,
		"%s: route %s: %s", physical->name, vmb_route_name(choice.route), choice.reason);
}

struct vmb_physical_device *vmb_physical_device_create(
	struct vmb_instance *instance, VkPhysicalDevice handle)
{
	struct vmb_physical_device *physical = calloc(1, sizeof(*physical));

	if (physical) {
		physical->handle = handle;
		physical->instance = instance;
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
