/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader.h"

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

static void round_of(void)
{
	VkPhysicalDeviceFeatures features;
	void *library;
	PFN_vkGetInstanceProcAddr get = loader_open(&library);
	VkInstance instance = loader_create_instance(get, VK_API_VERSION_1_1);
	VkPhysicalDevice physical = loader_first_device(get, instance);

	/* The device has all features, including sparse features. */
	LOADER_FUNCTION(get, instance, vkGetPhysicalDeviceFeatures)(physical, &features);
	const VkDeviceCreateInfo info = { .pEnabledFeatures = &features };
	VkDevice device = loader_create_device(get, instance, physical, info);
	LOADER_FUNCTION(get, instance, vkDestroyDevice)(device, NULL);
	LOADER_FUNCTION(get, instance, vkDestroyInstance)(instance, NULL);
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
