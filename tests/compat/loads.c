/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

/*
 * loads: in each round loads the loader, creates and destroys an instance and a device, and unloads
 * the loader. At the end the loader and the layer are unmapped. The process has as many mappings as
 * after the first rounds.
 */

#define WARM_UP 4
#define ROUNDS 12
/* Mappings that the C library's allocator may keep. A leak adds one in each round. */
#define SLACK (ROUNDS / 2)

static void fail(const char *message)
{
	fprintf(stderr, "%s\n", message);
	exit(1);
}

static size_t count_mappings(const char *name)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[4096];
	size_t count = 0;

	if (!file) {
		fail("/proc/self/maps cannot be read");
	}
	while (fgets(line, sizeof(line), file)) {
		count += !name || strstr(line, name);
	}
	fclose(file);
	return count;
}

static PFN_vkVoidFunction function(
	PFN_vkGetInstanceProcAddr get, VkInstance instance, const char *name)
{
	PFN_vkVoidFunction found = get(instance, name);

	if (!found) {
		fail(name);
	}
	return found;
}

#define FUNCTION(instance, name) ((PFN_##name)function(get, instance, #name))

static VkDevice create_device(PFN_vkGetInstanceProcAddr get, VkInstance instance)
{
	VkPhysicalDevice physical;
	VkPhysicalDeviceFeatures features;
	uint32_t count = 1;
	const float priority = 1.0f;
	VkDevice device;

	if (FUNCTION(instance, vkEnumeratePhysicalDevices)(instance, &count, &physical) < 0 ||
		count != 1) {
		fail("no physical device found");
	}
	/* The device has all features, including sparse features. */
	FUNCTION(instance, vkGetPhysicalDeviceFeatures)(physical, &features);
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	const VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
		.pEnabledFeatures = &features,
	};
	if (FUNCTION(instance, vkCreateDevice)(physical, &info, NULL, &device) != VK_SUCCESS) {
		fail("vkCreateDevice failed");
	}
	return device;
}

static void round_of(void)
{
	void *library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
	VkInstance instance;

	if (!library) {
		fail(dlerror());
	}
	PFN_vkGetInstanceProcAddr get = (PFN_vkGetInstanceProcAddr)dlsym(
		library, "vkGetInstanceProcAddr");
	const VkApplicationInfo application = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.apiVersion = VK_API_VERSION_1_1,
	};
	const VkInstanceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &application,
	};
	if (FUNCTION(NULL, vkCreateInstance)(&info, NULL, &instance) != VK_SUCCESS) {
		fail("vkCreateInstance failed");
	}
	VkDevice device = create_device(get, instance);
	FUNCTION(instance, vkDestroyDevice)(device, NULL);
	FUNCTION(instance, vkDestroyInstance)(instance, NULL);
	if (dlclose(library) != 0) {
		fail(dlerror());
	}
}

int main(void)
{
	size_t before = 0;

	for (int i = 0; i < WARM_UP + ROUNDS; i++) {
		if (i == WARM_UP) {
			before = count_mappings(NULL);
		}
		round_of();
	}
	const size_t after = count_mappings(NULL);
	if (after >= before + SLACK) {
		fprintf(stderr, "%zu mappings, %zu after %d more rounds\n", before, after, ROUNDS);
		return 1;
	}
	printf("loader mapped: %zu\n", count_mappings("/libvulkan.so"));
	printf("layer mapped: %zu\n", count_mappings("VMBIND_sparse"));
	return 0;
}
