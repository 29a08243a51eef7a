/* SPDX-License-Identifier: MIT */
#include "route/provided_features.h"

#include <stddef.h>

#include "backend/backend.h"
#include "vk/chain.h"
#include "vk/sparse_features.h"

/* The layer does not report sparseResidencyImage* and shaderResourceResidency. The former needs the
 * driver's sparse block layout. The latter needs a driver that knows the bound ranges. */
static void set_provided(const struct vmb_physical_device *physical,
	VkPhysicalDeviceFeatures *features, VkBool32 value)
{
	features->sparseBinding = value;
	features->sparseResidencyBuffer = value;
	if (physical->backend->aliases) {
		features->sparseResidencyAliased = value;
	}
}

void vmb_features_provide(
	const struct vmb_physical_device *physical, VkPhysicalDeviceFeatures *features)
{
	vmb_features_hide_sparse(features);
	set_provided(physical, features, VK_TRUE);
}

bool vmb_features_exceed_provide(
	const struct vmb_physical_device *physical, const VkPhysicalDeviceFeatures *features)
{
	VkPhysicalDeviceFeatures rest = *features;

	set_provided(physical, &rest, VK_FALSE);
	return vmb_features_want_sparse(&rest);
}

void vmb_properties_provide(
	const struct vmb_physical_device *physical, VkPhysicalDeviceProperties *properties)
{
	properties->limits.sparseAddressSpaceSize = physical->address_space;
	properties->sparseProperties = (VkPhysicalDeviceSparseProperties){ 0 };
}

/* The offset of member i of a feature structure that older headers lack. */
#define MEMBER(i) (sizeof(VkBaseOutStructure) + (i) * sizeof(VkBool32))
/* VK_EXT_map_memory_placed, Vulkan 1.3.274 */
#define MAP_MEMORY_PLACED_FEATURES ((VkStructureType)1000272000)
/* VK_EXT_host_image_copy, Vulkan 1.3.258 */
#define HOST_TRANSFER ((VkImageUsageFlags)0x00400000)

/* The features of a chain that the layer does not report. */
static const struct {
	VkStructureType structure;
	size_t offset;
	bool on_import; /* only if the driver imports memory */
} hidden[] = {
	/* The layer cannot choose the address of a reservation, so it cannot replay the address of
	 * a sparse buffer. Memory with a replayed address must be the driver's own, and sparse
	 * resources cannot be bound to such memory. */
	{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
		offsetof(VkPhysicalDeviceVulkan12Features, bufferDeviceAddressCaptureReplay),
		false },
	{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES,
		offsetof(VkPhysicalDeviceBufferDeviceAddressFeatures,
			bufferDeviceAddressCaptureReplay),
		false },
	{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES_EXT,
		offsetof(VkPhysicalDeviceBufferDeviceAddressFeaturesEXT,
			bufferDeviceAddressCaptureReplay),
		false },
	{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_FEATURES_EXT,
		offsetof(
			VkPhysicalDeviceDescriptorBufferFeaturesEXT, descriptorBufferCaptureReplay),
		false },
	{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_FEATURES_KHR,
		offsetof(VkPhysicalDeviceAccelerationStructureFeaturesKHR,
			accelerationStructureCaptureReplay),
		false },
	/* Imported host memory cannot be mapped at another address
	 * (VUID-VkMemoryMapInfo-flags-09575). */
	{ MAP_MEMORY_PLACED_FEATURES, MEMBER(0), true },
	{ MAP_MEMORY_PLACED_FEATURES, MEMBER(1), true },
	{ MAP_MEMORY_PLACED_FEATURES, MEMBER(2), true },
};
#define HIDDEN (sizeof(hidden) / sizeof(hidden[0]))

static bool is_hidden(const struct vmb_physical_device *physical, size_t i)
{
	return physical->backend->imports || !hidden[i].on_import;
}

void vmb_feature_chain_provide(const struct vmb_physical_device *physical, void *chain)
{
	for (size_t i = 0; i < HIDDEN; i++) {
		char *found = vmb_chain_find_out(chain, hidden[i].structure);
		if (found && is_hidden(physical, i)) {
			*(VkBool32 *)(void *)(found + hidden[i].offset) = VK_FALSE;
		}
	}
}

bool vmb_feature_chain_exceeds_provide(
	const struct vmb_physical_device *physical, const void *chain)
{
	for (size_t i = 0; i < HIDDEN; i++) {
		const char *found = vmb_chain_find(chain, hidden[i].structure);
		if (found && is_hidden(physical, i) &&
			*(const VkBool32 *)(const void *)(found + hidden[i].offset)) {
			return true;
		}
	}
	return false;
}

/* The driver copies from the host through a map of the image's memory. The CPU cannot map a
 * captured reservation. */
bool vmb_image_usage_provided(const struct vmb_physical_device *physical, VkImageUsageFlags usage)
{
	return physical->backend->imports || !(usage & HOST_TRANSFER);
}
