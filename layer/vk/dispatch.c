/* SPDX-License-Identifier: MIT */
#include "vk/dispatch.h"

#include <stdbool.h>

static PFN_vkVoidFunction instance_function(PFN_vkGetInstanceProcAddr next, VkInstance instance,
	uint32_t api_version, const char *name, const char *other, uint32_t since)
{
	bool other_first = other && api_version < since;
	PFN_vkVoidFunction found = next(instance, other_first ? other : name);

	return found || !other ? found : next(instance, other_first ? name : other);
}

static PFN_vkVoidFunction device_function(PFN_vkGetDeviceProcAddr next, VkDevice device,
	uint32_t api_version, const char *name, const char *other, uint32_t since)
{
	bool other_first = other && api_version < since;
	PFN_vkVoidFunction found = next(device, other_first ? other : name);

	return found || !other ? found : next(device, other_first ? name : other);
}

#define LOOK_UP_INSTANCE(name, other, since) \
	dispatch->name = (PFN_vk##name)instance_function( \
		next, instance, api_version, "vk" #name, other, since);

void vmb_instance_dispatch_init(struct vmb_instance_dispatch *dispatch, VkInstance instance,
	uint32_t api_version, PFN_vkGetInstanceProcAddr next)
{
	dispatch->GetInstanceProcAddr = next;
	VMB_INSTANCE_FUNCTIONS(LOOK_UP_INSTANCE)
}

#define LOOK_UP_DEVICE(name, other, since) \
	dispatch->name = (PFN_vk##name)device_function( \
		next, device, api_version, "vk" #name, other, since);

void vmb_device_dispatch_init(struct vmb_device_dispatch *dispatch, VkDevice device,
	uint32_t api_version, PFN_vkGetDeviceProcAddr next)
{
	dispatch->GetDeviceProcAddr = next;
	VMB_DEVICE_FUNCTIONS(LOOK_UP_DEVICE)
}
