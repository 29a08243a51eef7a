/* SPDX-License-Identifier: MIT */
#include "enumerate.h"

#include "observe/calls.h"
#include "provide/commands.h"
#include "route/decide.h"

static void decide(struct vmb_physical_device *physical)
{
	vmb_route_decide(physical);
	if (physical->route == VMB_ROUTE_PROVIDE) {
		vmb_instance_commands_lay(&physical->untraced, &vmb_provide_queries);
	}
	physical->commands = physical->untraced;
	if (physical->instance->trace) {
		vmb_instance_commands_lay(&physical->commands, &vmb_observe_instance_calls);
	}
}

struct vmb_physical_device *vmb_physical_device_decided(VkPhysicalDevice handle)
{
	if (vmb_instance_of(handle)->settings.disabled) {
		return NULL;
	}
	struct vmb_physical_device *physical = vmb_physical_device_add(handle);
	if (!physical) {
		return NULL;
	}
	pthread_mutex_lock(&physical->decide_lock);
	if (!physical->decided) {
		decide(physical);
		physical->decided = true;
	}
	pthread_mutex_unlock(&physical->decide_lock);
	return physical;
}

static void decide_all(const VkPhysicalDevice *devices, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		vmb_physical_device_decided(devices[i]);
	}
}

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_devices(
	VkInstance handle, uint32_t *count, VkPhysicalDevice *devices)
{
	VkResult result = vmb_instance_of(handle)->driver.EnumeratePhysicalDevices(
		handle, count, devices);

	if (devices && result >= VK_SUCCESS) {
		decide_all(devices, *count);
	}
	return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_groups(
	VkInstance handle, uint32_t *count, VkPhysicalDeviceGroupProperties *groups)
{
	VkResult result = vmb_instance_of(handle)->driver.EnumeratePhysicalDeviceGroups(
		handle, count, groups);

	for (uint32_t i = 0; groups && result >= VK_SUCCESS && i < *count; i++) {
		decide_all(groups[i].physicalDevices, groups[i].physicalDeviceCount);
	}
	return result;
}

const struct vmb_instance_commands vmb_enumerate_commands = {
	.EnumeratePhysicalDevices = enumerate_devices,
	.EnumeratePhysicalDeviceGroups = enumerate_groups,
};
