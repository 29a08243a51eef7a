/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

/*
 * functions <NAMES: prints a line for each function name. The line lists the queries that return
 * the function: vkGetInstanceProcAddr without and with an instance, and vkGetDeviceProcAddr on a
 * device without extensions and on one with all extensions.
 */

static PFN_vkGetInstanceProcAddr get_instance;

#define FUNCTION(instance, name) ((PFN_##name)get_instance(instance, #name))

static void check(VkResult result, const char *call)
{
	if (result < 0) {
		fprintf(stderr, "%s: %d\n", call, result);
		exit(1);
	}
}

static VkInstance create_instance(void)
{
	uint32_t version = VK_API_VERSION_1_0;
	VkInstance instance;

	check(FUNCTION(NULL, vkEnumerateInstanceVersion)(&version), "vkEnumerateInstanceVersion");
	const VkApplicationInfo application = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.apiVersion = version,
	};
	const VkInstanceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &application,
	};
	check(FUNCTION(NULL, vkCreateInstance)(&info, NULL, &instance), "vkCreateInstance");
	return instance;
}

static VkExtensionProperties *list_extensions(
	VkInstance instance, VkPhysicalDevice physical, uint32_t *count)
{
	PFN_vkEnumerateDeviceExtensionProperties enumerate = FUNCTION(
		instance, vkEnumerateDeviceExtensionProperties);

	check(enumerate(physical, NULL, count, NULL), "vkEnumerateDeviceExtensionProperties");
	VkExtensionProperties *list = calloc(*count + 1, sizeof(*list));
	if (!list) {
		check(VK_ERROR_OUT_OF_HOST_MEMORY, "calloc");
	}
	check(enumerate(physical, NULL, count, list), "vkEnumerateDeviceExtensionProperties");
	return list;
}

static VkDevice create_device(VkInstance instance, bool extended)
{
	VkPhysicalDevice physical;
	uint32_t one = 1, count = 0;
	const float priority = 1.0f;
	VkDevice device;

	check(FUNCTION(instance, vkEnumeratePhysicalDevices)(instance, &one, &physical),
		"vkEnumeratePhysicalDevices");
	VkExtensionProperties *list = list_extensions(instance, physical, &count);
	const char **names = calloc(count + 1, sizeof(*names));
	if (!names) {
		check(VK_ERROR_OUT_OF_HOST_MEMORY, "calloc");
	}
	for (uint32_t i = 0; i < count; i++) {
		names[i] = list[i].extensionName;
	}
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	const VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
		.enabledExtensionCount = extended ? count : 0,
		.ppEnabledExtensionNames = names,
	};
	check(FUNCTION(instance, vkCreateDevice)(physical, &info, NULL, &device), "vkCreateDevice");
	free(names);
	free(list);
	return device;
}

int main(void)
{
	void *library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
	VkDevice devices[2];
	char name[256];

	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	get_instance = (PFN_vkGetInstanceProcAddr)dlsym(library, "vkGetInstanceProcAddr");
	VkInstance instance = create_instance();
	PFN_vkGetDeviceProcAddr get_device = FUNCTION(instance, vkGetDeviceProcAddr);
	for (int i = 0; i < 2; i++) {
		devices[i] = create_device(instance, i == 1);
	}
	while (fgets(name, sizeof(name), stdin)) {
		name[strcspn(name, "\n")] = '\0';
		printf("%-60s", name);
		printf(" %s", get_instance(NULL, name) ? "global" : "-");
		printf(" %s", get_instance(instance, name) ? "instance" : "-");
		printf(" %s", get_device(devices[0], name) ? "device" : "-");
		printf(" %s\n", get_device(devices[1], name) ? "extended" : "-");
	}
	for (int i = 0; i < 2; i++) {
		FUNCTION(instance, vkDestroyDevice)(devices[i], NULL);
	}
	FUNCTION(instance, vkDestroyInstance)(instance, NULL);
	return 0;
}
