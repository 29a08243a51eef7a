/* SPDX-License-Identifier: MIT */
#include "loader.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

void loader_check(VkResult result, const char *call)
{
	if (result < 0) {
		fprintf(stderr, "%s: %d\n", call, result);
		exit(1);
	}
}

PFN_vkGetInstanceProcAddr loader_open(void **library)
{
	*library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
	void *get = *library ? dlsym(*library, "vkGetInstanceProcAddr") : NULL;

	if (!get) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	return (PFN_vkGetInstanceProcAddr)get;
}

PFN_vkVoidFunction loader_function(
	PFN_vkGetInstanceProcAddr get, VkInstance instance, const char *name)
{
	PFN_vkVoidFunction found = get(instance, name);

	if (!found) {
		fprintf(stderr, "%s not found\n", name);
		exit(1);
	}
	return found;
}

VkInstance loader_create_instance(PFN_vkGetInstanceProcAddr get, uint32_t version)
{
	const VkApplicationInfo application = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.apiVersion = version,
	};
	const VkInstanceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &application,
	};
	PFN_vkCreateInstance create = LOADER_FUNCTION(get, NULL, vkCreateInstance);
	VkInstance instance;

	LOADER_CHECK(create(&info, NULL, &instance));
	return instance;
}

VkPhysicalDevice loader_first_device(PFN_vkGetInstanceProcAddr get, VkInstance instance)
{
	PFN_vkEnumeratePhysicalDevices enumerate = LOADER_FUNCTION(
		get, instance, vkEnumeratePhysicalDevices);
	VkPhysicalDevice physical;
	uint32_t count = 1;

	LOADER_CHECK(enumerate(instance, &count, &physical));
	if (count != 1) {
		fprintf(stderr, "no physical device found\n");
		exit(1);
	}
	return physical;
}

VkDevice loader_create_device(PFN_vkGetInstanceProcAddr get, VkInstance instance,
	VkPhysicalDevice physical, VkDeviceCreateInfo info)
{
	const float priority = 1.0f;
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	PFN_vkCreateDevice create = LOADER_FUNCTION(get, instance, vkCreateDevice);
	VkDevice device;

	info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
	info.queueCreateInfoCount = 1;
	info.pQueueCreateInfos = &queue;
	LOADER_CHECK(create(physical, &info, NULL, &device));
	return device;
}
