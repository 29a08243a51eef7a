/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader.h"

/*
 * functions <NAMES: prints a line for each function name. The line lists the queries that return
 * the function: vkGetInstanceProcAddr without and with an instance, and vkGetDeviceProcAddr on a
 * device without extensions and on one with all extensions.
 */

static PFN_vkGetInstanceProcAddr get_instance;

#define FUNCTION(instance, name) LOADER_FUNCTION(get_instance, instance, name)

static VkInstance create_instance(void)
{
	uint32_t version = VK_API_VERSION_1_0;

	LOADER_CHECK(FUNCTION(NULL, vkEnumerateInstanceVersion)(&version));
	return loader_create_instance(get_instance, version);
}

static VkExtensionProperties *list_extensions(
	VkInstance instance, VkPhysicalDevice physical, uint32_t *count)
{
	PFN_vkEnumerateDeviceExtensionProperties enumerate = FUNCTION(
		instance, vkEnumerateDeviceExtensionProperties);

	LOADER_CHECK(enumerate(physical, NULL, count, NULL));
	VkExtensionProperties *list = calloc(*count + 1, sizeof(*list));
	if (!list) {
		loader_check(VK_ERROR_OUT_OF_HOST_MEMORY, "calloc");
	}
	LOADER_CHECK(enumerate(physical, NULL, count, list));
	return list;
}

static VkDevice create_device(VkInstance instance, bool extended)
{
	VkPhysicalDevice physical = loader_first_device(get_instance, instance);
	uint32_t count = 0;

	VkExtensionProperties *list = list_extensions(instance, physical, &count);
	const char **names = calloc(count + 1, sizeof(*names));
	if (!names) {
		loader_check(VK_ERROR_OUT_OF_HOST_MEMORY, "calloc");
	}
	for (uint32_t i = 0; i < count; i++) {
		names[i] = list[i].extensionName;
	}
	const VkDeviceCreateInfo info = {
		.enabledExtensionCount = extended ? count : 0,
		.ppEnabledExtensionNames = names,
	};
	VkDevice device = loader_create_device(get_instance, instance, physical, info);
	free(names);
	free(list);
	return device;
}

int main(void)
{
	VkDevice devices[2];
	char name[256];
	void *library;

	get_instance = loader_open(&library);
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
