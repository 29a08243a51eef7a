/* SPDX-License-Identifier: MIT */
#include "device.h"

#include <stdio.h>
#include <string.h>

#define LAYER "VK_LAYER_VMBIND_sparse"

/* Vulkan does not list the layers of an instance. The layer reports itself as a tool ("Active
 * Tooling Information" in the chapter "Debugging"). */
static bool has_layer(const struct vku *vk)
{
	PFN_vkGetPhysicalDeviceToolProperties get = (PFN_vkGetPhysicalDeviceToolProperties)
		vkGetInstanceProcAddr(vk->instance, "vkGetPhysicalDeviceToolProperties");
	VkPhysicalDeviceToolProperties tools[8] = { 0 };
	uint32_t count = sizeof(tools) / sizeof(tools[0]);

	if (!get || vk->api_version < VK_API_VERSION_1_3) {
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		tools[i].sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TOOL_PROPERTIES;
	}
	if (get(vk->physical, &count, tools) < 0) {
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(tools[i].layer, LAYER) == 0) {
			return true;
		}
	}
	return false;
}

static bool has_sparse_queue(const struct vku *vk)
{
	const VkQueueFlags wanted = VK_QUEUE_COMPUTE_BIT | VK_QUEUE_SPARSE_BINDING_BIT;
	VkQueueFamilyProperties families[16];
	uint32_t count = sizeof(families) / sizeof(families[0]);

	vkGetPhysicalDeviceQueueFamilyProperties(vk->physical, &count, families);
	for (uint32_t i = 0; i < count; i++) {
		if ((families[i].queueFlags & wanted) == wanted) {
			return true;
		}
	}
	return false;
}

static void print_device(const struct vku *vk, const struct device_traits *traits)
{
	printf("Device: %s\n", vk->properties.deviceName);
	if (traits->has_layer) {
		printf("Layer:  " LAYER " is active\n");
		return;
	}
	printf("Layer:  " LAYER " is NOT active. To enable the layer:\n"
	       "          ./run demo                           in the source tree\n"
	       "          ENABLE_VMBIND_SPARSE=1 vmbind-demo   if the layer is installed\n"
	       "        DISABLE_VMBIND_SPARSE and VMBIND_ROUTE=off turn the layer off.\n");
}

/*
 * "Sparse Resource Features": sparseBinding is the base. sparseResidencyBuffer allows the device to
 * use a buffer while parts of it are unbound. sparseResidencyAliased allows the same memory at
 * several places. Only some queue families can bind.
 */
static void require_features(
	const struct vku *vk, const VkPhysicalDeviceFeatures *features, bool timelines, bool layer)
{
	const struct {
		bool is_met;
		const char *name;
	} needs[] = {
		{ features->sparseBinding, "sparseBinding" },
		{ features->sparseResidencyBuffer, "sparseResidencyBuffer" },
		{ features->sparseResidencyAliased, "sparseResidencyAliased" },
		{ has_sparse_queue(vk), "a queue for both compute and sparse binding" },
		{ timelines, "timelineSemaphore" },
	};

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if (!needs[i].is_met) {
			fflush(stdout);
			vku_fail("\nThe device does not have %s.\n%s", needs[i].name,
				layer ? "The layer does not provide it. VMBIND_LOG=info logs why."
				      : "The demo needs the layer on this device.");
		}
	}
}

struct device_traits device_examine(const struct vku *vk, bool verbose)
{
	VkPhysicalDeviceVulkan12Features features_1_2 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
	};
	VkPhysicalDeviceFeatures2 features = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
		.pNext = &features_1_2,
	};
	VkPhysicalDeviceMaintenance4Properties sizes = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES,
		/* The specification's minimum, for devices that do not report the limit. */
		.maxBufferSize = UINT64_C(1) << 30,
	};
	VkPhysicalDeviceProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = vk->api_version >= VK_API_VERSION_1_3 ? &sizes : NULL,
	};

	if (vk->api_version < VK_API_VERSION_1_2) {
		vku_fail("%s has no Vulkan 1.2", vk->properties.deviceName);
	}
	vkGetPhysicalDeviceFeatures2(vk->physical, &features);
	vkGetPhysicalDeviceProperties2(vk->physical, &properties);

	const VkPhysicalDeviceProperties *base = &properties.properties;
	struct device_traits traits = {
		.has_layer = has_layer(vk),
		.has_addresses = features_1_2.bufferDeviceAddress,
		.strict = base->sparseProperties.residencyNonResidentStrict,
		.max_buffer_size = sizes.maxBufferSize,
		.sparse_address_space = base->limits.sparseAddressSpaceSize,
		.max_storage_range = base->limits.maxStorageBufferRange,
	};
	if (verbose) {
		print_device(vk, &traits);
	}
	require_features(vk, &features.features, features_1_2.timelineSemaphore, traits.has_layer);
	return traits;
}
