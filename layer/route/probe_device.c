/* SPDX-License-Identifier: MIT */
#include "route/probe_device.h"

#include <errno.h>

#include "vk/allocator.h"

static bool find_family(const struct vmb_physical_device *physical, uint32_t *family)
{
	const VkQueueFlags any_work = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT |
		VK_QUEUE_TRANSFER_BIT;
	VkQueueFamilyProperties families[16];
	uint32_t count = 16;

	physical->instance->driver.GetPhysicalDeviceQueueFamilyProperties(
		physical->handle, &count, families);
	for (uint32_t i = 0; i < count; i++) {
		if (families[i].queueFlags & any_work) {
			*family = i;
			return true;
		}
	}
	return false;
}

static VkDeviceSize max_allocation(const struct vmb_physical_device *physical)
{
	VkPhysicalDeviceMaintenance3Properties limits = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
		.maxMemoryAllocationSize = UINT64_MAX,
	};
	VkPhysicalDeviceProperties2 all = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &limits,
	};

	if (physical->instance->driver.GetPhysicalDeviceProperties2) {
		physical->instance->driver.GetPhysicalDeviceProperties2(physical->handle, &all);
	}
	return limits.maxMemoryAllocationSize;
}

static VkResult create_handle(const struct vmb_physical_device *physical,
	const struct vmb_backend *backend, struct vmb_probe_device *device)
{
	const struct vmb_instance *instance = physical->instance;
	uint32_t version = vmb_physical_device_api_version(instance, physical->handle);
	const VkPhysicalDeviceTimelineSemaphoreFeatures timeline = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES,
		.timelineSemaphore = VK_TRUE,
	};
	const float priority = 1.0f;
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueFamilyIndex = device->family,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	const char *names[VMB_BACKEND_EXTENSIONS];
	VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = &timeline,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
		.ppEnabledExtensionNames = names,
	};

	for (size_t i = 0; i < backend->extension_count; i++) {
		const struct vmb_backend_extension *extension = &backend->extensions[i];
		if (!extension->core || version < extension->core) {
			names[info.enabledExtensionCount++] = extension->name;
		}
	}
	return instance->loader_create_device(instance->loader_handle, physical->handle, &info,
		&vmb_allocator, &device->handle, instance->layer_get, &device->get);
}

static bool get_queue(struct vmb_probe_device *device)
{
	PFN_vkGetDeviceQueue get = (PFN_vkGetDeviceQueue)device->get(
		device->handle, "vkGetDeviceQueue");

	if (get) {
		get(device->handle, device->family, 0, &device->queue);
		vmb_probe_device_adopt(device, device->queue);
	}
	return get;
}

/* Creates the VM, which takes the watch over. Returns NULL, or the cause of a failure. The caller
 * then still owns the watch. */
static const char *create_vm(const struct vmb_physical_device *physical,
	const struct vmb_backend *backend, struct vmb_backend_watch *watch, struct vmb_vm **vm)
{
	const struct vmb_vm_config config = {
		.granularity = physical->granularity,
		.watch = watch,
	};

	int ret = backend->create(&config, vm);
	if (ret == -ENODEV) {
		vmb_instance_log(physical->instance, VMB_LOG_WARN,
			"%s: the layer provides no sparse resources: %s", physical->name,
			backend->explain(ret));
	}
	return ret < 0 ? backend->explain(ret) : NULL;
}

static void destroy_handle(
	const struct vmb_physical_device *physical, const struct vmb_probe_device *device)
{
	physical->instance->loader_destroy_device(device->handle, &vmb_allocator,
		(PFN_vkDestroyDevice)device->get(device->handle, "vkDestroyDevice"));
}

/* Creates a VM and probes the backend. Sets *watch to NULL if the VM has taken the watch over. */
static const char *probe_vm(const struct vmb_physical_device *physical,
	const struct vmb_backend *backend, struct vmb_probe_device *device,
	struct vmb_backend_watch **watch, uint64_t *address_space)
{
	const char *failure = create_vm(physical, backend, *watch, &device->vm);

	if (failure) {
		return failure;
	}
	*watch = NULL;
	failure = backend->probe(device, address_space);
	vmb_vm_destroy(device->vm);
	return failure;
}

static const char *probe_with_device(const struct vmb_physical_device *physical,
	const struct vmb_backend *backend, uint64_t *address_space)
{
	struct vmb_probe_device device = {
		.allocator = &vmb_allocator,
		.max_allocation = max_allocation(physical),
	};
	struct vmb_backend_watch *watch = NULL;
	const char *failure = "the driver failed to create a device for the layer's probe";

	if (!physical->instance->loader_create_device) {
		return "the Vulkan loader is too old: it cannot create a device for the layer";
	}
	if (!find_family(physical, &device.family)) {
		return "the device has no queue that supports transfer";
	}
	if (backend->watch_begin && backend->watch_begin(NULL, &watch) < 0) {
		return "the process is out of memory";
	}
	VkResult result = create_handle(physical, backend, &device);
	if (watch) {
		backend->watch_end(watch);
	}
	if (result == VK_SUCCESS) {
		failure = get_queue(&device)
			? probe_vm(physical, backend, &device, &watch, address_space)
			: "the driver lacks vkGetDeviceQueue";
	}
	if (watch) {
		backend->watch_destroy(watch);
	}
	if (result == VK_SUCCESS) {
		destroy_handle(physical, &device);
	}
	return failure;
}

const char *vmb_route_probe(const struct vmb_physical_device *physical,
	const struct vmb_backend *backend, uint64_t *address_space)
{
	struct vmb_probe_device no_device = { 0 };
	struct vmb_backend_watch *no_watch = NULL;

	return backend->probes_device
		? probe_with_device(physical, backend, address_space)
		: probe_vm(physical, backend, &no_device, &no_watch, address_space);
}
