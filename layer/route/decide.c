/* SPDX-License-Identifier: MIT */
#include "route/decide.h"

#include <string.h>
#include <unistd.h>

#include "ioctl/kernel.h"
#include "route/probe_device.h"
#include "route/rules.h"

/* Also fills in the driver's names and the granularity. Without vkGetPhysicalDeviceProperties2 or
 * on a Vulkan 1.0 device the driver stays unknown. */
static void read_properties(
	struct vmb_physical_device *physical, VkPhysicalDeviceProperties *properties)
{
	const struct vmb_instance_commands *driver_commands = &physical->instance->driver;
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

	driver_commands->GetPhysicalDeviceProperties(physical->handle, properties);
	if (properties->apiVersion >= VK_API_VERSION_1_1 &&
		driver_commands->GetPhysicalDeviceProperties2) {
		driver_commands->GetPhysicalDeviceProperties2(physical->handle, &all);
	}
	physical->driver_id = driver.driverID;
	memcpy(physical->name, properties->deviceName, sizeof(physical->name));
	memcpy(physical->driver, driver.driverName, sizeof(physical->driver));
	memcpy(physical->driver_info, driver.driverInfo, sizeof(physical->driver_info));

	physical->granularity = host.minImportedHostPointerAlignment;
}

static void raise_to(VkDeviceSize *least, VkDeviceSize value)
{
	if (*least < value) {
		*least = value;
	}
}

static bool has_extension(const struct vmb_physical_device *physical,
	const VkPhysicalDeviceProperties *properties, const struct vmb_backend_extension *extension)
{
	return (extension->core && properties->apiVersion >= extension->core) ||
		vmb_physical_device_has_extension(physical, extension->name);
}

static const char *find_missing_extension(const struct vmb_physical_device *physical,
	const VkPhysicalDeviceProperties *properties, const struct vmb_backend *backend)
{
	for (size_t i = 0; i < backend->extension_count; i++) {
		if (!has_extension(physical, properties, &backend->extensions[i])) {
			return backend->extensions[i].name;
		}
	}
	return NULL;
}

/* Reads the name of the kernel driver from the device's render node. The name stays empty on
 * failure. */
static void read_kernel_driver(
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
			"%s: cannot read the name of the kernel driver from /dev/dri/renderD%u: %s",
			physical->name, node, strerror(-ret));
	}
}

static struct vmb_route_choice choose(struct vmb_physical_device *physical,
	const VkPhysicalDeviceProperties *properties, struct vmb_route_facts *facts)
{
	const struct vmb_backend *candidate = vmb_route_candidate(facts);
	struct vmb_kernel_driver kernel = { .name = "" };

	/* Read these facts only for a backend that needs them: they cost system calls. */
	if (candidate && candidate->kernel_driver) {
		read_kernel_driver(physical, &kernel);
		facts->kernel_driver = kernel.name;
	}
	if (candidate) {
		facts->missing_extension = find_missing_extension(physical, properties, candidate);
	}
	struct vmb_route_choice choice = vmb_route_choose(facts);
	if (choice.needs_probe) {
		raise_to(&physical->granularity, candidate->granularity);
		raise_to(&physical->granularity, (VkDeviceSize)sysconf(_SC_PAGESIZE));
		facts->probed = true;
		facts->probe_failure = vmb_route_probe(
			physical, choice.backend, &physical->address_space);
		choice = vmb_route_choose(facts);
	}
	return choice;
}

void vmb_route_decide(struct vmb_physical_device *physical)
{
	struct vmb_instance *instance = physical->instance;
	VkPhysicalDeviceProperties properties;
	VkPhysicalDeviceFeatures features;

	read_properties(physical, &properties);
	instance->driver.GetPhysicalDeviceFeatures(physical->handle, &features);
	physical->driver_has_sparse = features.sparseBinding;
	struct vmb_route_facts facts = {
		.request = instance->settings.route,
		.driver = physical->driver_id,
		.driver_version = properties.driverVersion,
		.has_sparse = features.sparseBinding,
	};
	struct vmb_route_choice choice = choose(physical, &properties, &facts);

	physical->route = choice.route;
	physical->backend = choice.backend;
	physical->reason = choice.reason;
	physical->fault = choice.fault;
	vmb_instance_log(instance, choice.request_denied ? VMB_LOG_WARN : VMB_LOG_INFO,
		"%s: route %s: %s", physical->name, vmb_route_name(choice.route), choice.reason);
}
