/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "stages.h"
#include "vk.h"

/*
 * enumerate: prints what the devices offer. The lines "sparse: " hold the facts that the layer
 * changes on the provide route. The lines "tool: " hold the layer's description of itself.
 */

#define MEMBER_INDEX(member) (offsetof(VkPhysicalDeviceFeatures, member) / sizeof(VkBool32))

static bool is_sparse_feature(size_t index)
{
	return (index >= MEMBER_INDEX(sparseBinding) &&
		       index <= MEMBER_INDEX(sparseResidencyAliased)) ||
		index == MEMBER_INDEX(shaderResourceResidency) ||
		index == MEMBER_INDEX(shaderResourceMinLod);
}

static void print_core_features(VkPhysicalDevice physical)
{
	VkPhysicalDeviceFeatures features;
	VkBool32 values[sizeof(features) / sizeof(VkBool32)];
	const size_t count = sizeof(values) / sizeof(values[0]);

	vkGetPhysicalDeviceFeatures(physical, &features);
	memcpy(values, &features, sizeof(values));
	fprintf(output, "features: ");
	for (size_t i = 0; i < count; i++) {
		fprintf(output, "%c", is_sparse_feature(i) ? '-' : "01"[values[i] != 0]);
	}
	fprintf(output, "\nsparse: sparseBinding %u\n", features.sparseBinding);
	fprintf(output, "sparse: features ");
	for (size_t i = 0; i < count; i++) {
		fprintf(output, "%c", is_sparse_feature(i) ? "01"[values[i] != 0] : '-');
	}
	fprintf(output, "\n");
}

/* The members from first up to the end of the structure. */
static void print_booleans(const char *name, const VkBool32 *first, const void *end)
{
	fprintf(output, "%s: ", name);
	for (const VkBool32 *value = first; value < (const VkBool32 *)end; value++) {
		fprintf(output, "%u", *value);
	}
	fprintf(output, "\n");
}

static void print_newer_features(VkPhysicalDevice physical, uint32_t version)
{
	VkPhysicalDeviceVulkan13Features v13 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
	};
	VkPhysicalDeviceVulkan12Features v12 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
		.pNext = version >= VK_API_VERSION_1_3 ? &v13 : NULL,
	};
	VkPhysicalDeviceVulkan11Features v11 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
		.pNext = &v12,
	};
	VkPhysicalDeviceFeatures2 all = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
		.pNext = &v11,
	};

	if (version < VK_API_VERSION_1_2) {
		return;
	}
	vkGetPhysicalDeviceFeatures2(physical, &all);
	print_booleans("Vulkan 1.1 features", &v11.storageBuffer16BitAccess,
		&v11.shaderDrawParameters + 1);
	print_booleans("Vulkan 1.2 features", &v12.samplerMirrorClampToEdge,
		&v12.subgroupBroadcastDynamicId + 1);
	if (version >= VK_API_VERSION_1_3) {
		print_booleans(
			"Vulkan 1.3 features", &v13.robustImageAccess, &v13.maintenance4 + 1);
	}
}

/* compat.vulkaninfo compares all limits. */
static void print_limits(const VkPhysicalDeviceProperties *properties)
{
	const VkPhysicalDeviceLimits *limits = &properties->limits;
	VkBool32 sparse[sizeof(properties->sparseProperties) / sizeof(VkBool32)];

#define LIMIT(name) fprintf(output, "%s: %" PRIu64 "\n", #name, (uint64_t)limits->name)
	LIMIT(maxImageDimension2D);
	LIMIT(maxStorageBufferRange);
	LIMIT(maxPushConstantsSize);
	LIMIT(maxMemoryAllocationCount);
	LIMIT(bufferImageGranularity);
	LIMIT(maxBoundDescriptorSets);
	LIMIT(maxComputeSharedMemorySize);
	LIMIT(minMemoryMapAlignment);
	LIMIT(minStorageBufferOffsetAlignment);
	LIMIT(nonCoherentAtomSize);
#undef LIMIT
	fprintf(output, "sparse: sparseAddressSpaceSize %" PRIu64 "\n",
		(uint64_t)limits->sparseAddressSpaceSize);
	memcpy(sparse, &properties->sparseProperties, sizeof(sparse));
	fprintf(output, "sparse: properties ");
	for (size_t i = 0; i < sizeof(sparse) / sizeof(sparse[0]); i++) {
		fprintf(output, "%u", sparse[i]);
	}
	fprintf(output, "\n");
}

static void print_properties(VkPhysicalDevice physical, VkPhysicalDeviceProperties *properties)
{
	vkGetPhysicalDeviceProperties(physical, properties);
	fprintf(output, "device: %s, type %u, %04x:%04x, driver %#x, Vulkan %#x\n",
		properties->deviceName, properties->deviceType, properties->vendorID,
		properties->deviceID, properties->driverVersion, properties->apiVersion);
	print_limits(properties);
}

static void print_memory(VkPhysicalDevice physical)
{
	VkPhysicalDeviceMemoryProperties memory;

	vkGetPhysicalDeviceMemoryProperties(physical, &memory);
	for (uint32_t i = 0; i < memory.memoryTypeCount; i++) {
		fprintf(output, "memory type %u: flags %#x, heap %u\n", i,
			memory.memoryTypes[i].propertyFlags, memory.memoryTypes[i].heapIndex);
	}
	for (uint32_t i = 0; i < memory.memoryHeapCount; i++) {
		fprintf(output, "memory heap %u: flags %#x, %" PRIu64 " bytes\n", i,
			memory.memoryHeaps[i].flags, memory.memoryHeaps[i].size);
	}
}

static void print_queues(VkPhysicalDevice physical)
{
	VkQueueFamilyProperties families[16];
	uint32_t count = 16;

	vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families);
	for (uint32_t i = 0; i < count; i++) {
		const VkQueueFlags sparse = families[i].queueFlags & VK_QUEUE_SPARSE_BINDING_BIT;
		fprintf(output, "queue family %u: flags %#x, %u queues\n", i,
			families[i].queueFlags & ~sparse, families[i].queueCount);
		fprintf(output, "sparse: queue family %u: %#x\n", i, sparse);
	}
}

static void print_extensions(VkPhysicalDevice physical)
{
	uint32_t count = 0;

	VKU_CHECK(vkEnumerateDeviceExtensionProperties(physical, NULL, &count, NULL));
	VkExtensionProperties *extensions = calloc(count + 1, sizeof(*extensions));
	if (!extensions) {
		vku_fail("out of memory");
	}
	VKU_CHECK(vkEnumerateDeviceExtensionProperties(physical, NULL, &count, extensions));
	for (uint32_t i = 0; i < count; i++) {
		const char *name = extensions[i].extensionName;
		const bool is_tool = strcmp(name, VK_EXT_TOOLING_INFO_EXTENSION_NAME) == 0;
		fprintf(output, "%s%s %u\n", is_tool ? "tool: " : "extension: ", name,
			extensions[i].specVersion);
	}
	free(extensions);
}

static void print_device(VkPhysicalDevice physical)
{
	VkPhysicalDeviceProperties properties;

	print_properties(physical, &properties);
	print_core_features(physical);
	print_newer_features(physical, properties.apiVersion);
	print_memory(physical);
	print_queues(physical);
	print_extensions(physical);
}

static void print_instance(void)
{
	VkExtensionProperties extensions[64];
	uint32_t count = 64;
	uint32_t version;

	VKU_CHECK(vkEnumerateInstanceVersion(&version));
	fprintf(output, "instance: Vulkan %#x\n", version);
	VKU_CHECK(vkEnumerateInstanceExtensionProperties(NULL, &count, extensions));
	for (uint32_t i = 0; i < count; i++) {
		fprintf(output, "instance extension: %s %u\n", extensions[i].extensionName,
			extensions[i].specVersion);
	}
}

int main(int argc, char **argv)
{
	VkPhysicalDevice devices[16];
	uint32_t count = 16;
	struct vku vk;

	stages_init(argc, argv);
	print_instance();
	vku_instance_init(&vk, &(struct vku_options){ 0 });
	stage("instance");
	VKU_CHECK(vkEnumeratePhysicalDevices(vk.instance, &count, devices));
	for (uint32_t i = 0; i < count; i++) {
		print_device(devices[i]);
	}
	vku_finish(&vk);
	return stages_finish();
}
