/* SPDX-License-Identifier: MIT */
#include "icd.h"

#include <stdio.h>
#include <string.h>

/*
 * Compares the features, properties, queue families and extensions reported with the layer to those
 * of the driver alone, for each query function and for chained structures.
 */

/* Two instances: one with the layer, one with the driver alone. */
struct both {
	struct vku layered;
	struct vku driver;
};

static const char *const khr_extension = VK_KHR_GET_PHYSICAL_DEVICE_PROPERTIES_2_EXTENSION_NAME;

static void both_init(struct both *both)
{
	struct vku_options options = {
		.instance_extensions = &khr_extension,
		.instance_extension_count = 1,
	};

	vku_instance_init(&both->layered, &options);
	options.without_layers = true;
	vku_instance_init(&both->driver, &options);
	/* The chains contain unknown structures. */
	both->layered.expect_validation_errors = true;
}

static void both_finish(struct both *both)
{
	vku_finish(&both->driver);
	vku_finish(&both->layered);
}

static PFN_vkVoidFunction instance_function(const struct vku *vk, const char *name)
{
	PFN_vkVoidFunction function = vkGetInstanceProcAddr(vk->instance, name);

	if (!function) {
		vku_fail("the instance has no %s", name);
	}
	return function;
}

/* The suffixes of the query functions. */
static const char *const suffixes[] = { "2", "2KHR" };

static VkPhysicalDeviceFeatures expected_features(const struct vku *driver)
{
	VkPhysicalDeviceFeatures features;

	vkGetPhysicalDeviceFeatures(driver->physical, &features);
	if (features.sparseBinding) {
		/* VMBIND_ROUTE=provide replaces the driver's own sparse resources. */
		features.sparseResidencyImage2D = VK_FALSE;
		features.sparseResidencyImage3D = VK_FALSE;
		features.sparseResidency2Samples = VK_FALSE;
		features.sparseResidency4Samples = VK_FALSE;
		features.sparseResidency8Samples = VK_FALSE;
		features.sparseResidency16Samples = VK_FALSE;
		features.shaderResourceResidency = VK_FALSE;
	}
	features.sparseBinding = VK_TRUE;
	features.sparseResidencyBuffer = VK_TRUE;
	features.sparseResidencyAliased = VK_TRUE;
	return features;
}

static void features_1_0(void **state)
{
	struct both both;
	VkPhysicalDeviceFeatures features;

	(void)state;
	both_init(&both);
	VkPhysicalDeviceFeatures expected = expected_features(&both.driver);
	vkGetPhysicalDeviceFeatures(both.layered.physical, &features);
	EXPECT(memcmp(&features, &expected, sizeof(features)) == 0);
	both_finish(&both);
}

struct features_chain {
	struct icd_unknown unknown;
	VkPhysicalDeviceFeatures2 features;
	VkPhysicalDeviceVulkan11Features v11;
	VkPhysicalDeviceVulkan12Features v12;
};

static void query_features(const struct vku *vk, const char *suffix, struct features_chain *chain)
{
	char name[64] = "vkGetPhysicalDeviceFeatures";

	strcat(name, suffix);
	PFN_vkGetPhysicalDeviceFeatures2 get = (PFN_vkGetPhysicalDeviceFeatures2)instance_function(
		vk, name);
	*chain = (struct features_chain){ 0 };
	chain->v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
	chain->v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
	chain->v11.pNext = &chain->v12;
	chain->unknown = icd_unknown(&chain->v11);
	chain->features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
	chain->features.pNext = &chain->unknown;
	get(vk->physical, &chain->features);
	icd_expect_unknown_intact(&chain->unknown);
	EXPECT(chain->features.pNext == &chain->unknown);
	EXPECT(chain->unknown.pNext == &chain->v11);
	EXPECT(chain->v11.pNext == &chain->v12);
	EXPECT(chain->v12.pNext == NULL);
}

static void features_2(void **state)
{
	struct both both;

	(void)state;
	both_init(&both);
	VkPhysicalDeviceFeatures expected = expected_features(&both.driver);
	for (size_t i = 0; i < COUNT(suffixes); i++) {
		struct features_chain chain, driver;
		query_features(&both.layered, suffixes[i], &chain);
		query_features(&both.driver, suffixes[i], &driver);
		EXPECT(memcmp(&chain.features.features, &expected, sizeof(expected)) == 0);
		chain.v11.pNext = driver.v11.pNext = NULL;
		chain.v12.pNext = driver.v12.pNext = NULL;
		EXPECT(memcmp(&chain.v11, &driver.v11, sizeof(driver.v11)) == 0);
		EXPECT(memcmp(&chain.v12, &driver.v12, sizeof(driver.v12)) == 0);
	}
	both_finish(&both);
}

static void expect_properties(
	const VkPhysicalDeviceProperties *properties, const VkPhysicalDeviceProperties *driver)
{
	const VkPhysicalDeviceLimits *limits = &properties->limits;

	/* The sparse address space is far larger than memory, if the process has the addresses. */
	EXPECT(limits->sparseAddressSpaceSize >= UINT64_C(64) << 30 || icd_sanitized() ||
		ICD_IS_32_BIT);
	EXPECT(!properties->sparseProperties.residencyNonResidentStrict);

	/* All other properties are the driver's own. */
	EXPECT_EQ(properties->apiVersion, driver->apiVersion);
	EXPECT_EQ(properties->driverVersion, driver->driverVersion);
	EXPECT_EQ(properties->vendorID, driver->vendorID);
	EXPECT_EQ(properties->deviceID, driver->deviceID);
	EXPECT(strcmp(properties->deviceName, driver->deviceName) == 0);
	EXPECT(memcmp(properties->pipelineCacheUUID, driver->pipelineCacheUUID, VK_UUID_SIZE) == 0);
	EXPECT_EQ(limits->maxImageDimension2D, driver->limits.maxImageDimension2D);
	EXPECT_EQ(limits->maxStorageBufferRange, driver->limits.maxStorageBufferRange);
	EXPECT_EQ(limits->maxMemoryAllocationCount, driver->limits.maxMemoryAllocationCount);
	EXPECT_EQ(limits->bufferImageGranularity, driver->limits.bufferImageGranularity);
	EXPECT_EQ(limits->nonCoherentAtomSize, driver->limits.nonCoherentAtomSize);
	EXPECT_EQ(limits->minMemoryMapAlignment, driver->limits.minMemoryMapAlignment);
}

static void properties_1_0(void **state)
{
	struct both both;

	(void)state;
	both_init(&both);
	expect_properties(&both.layered.properties, &both.driver.properties);
	both_finish(&both);
}

struct properties_chain {
	struct icd_unknown unknown;
	VkPhysicalDeviceProperties2 properties;
	VkPhysicalDeviceVulkan11Properties v11;
	VkPhysicalDeviceMaintenance4Properties maintenance4;
};

static void query_properties(
	const struct vku *vk, const char *suffix, struct properties_chain *chain)
{
	char name[64] = "vkGetPhysicalDeviceProperties";

	strcat(name, suffix);
	PFN_vkGetPhysicalDeviceProperties2 get =
		(PFN_vkGetPhysicalDeviceProperties2)instance_function(vk, name);
	*chain = (struct properties_chain){ 0 };
	chain->maintenance4.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES;
	chain->v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES;
	chain->v11.pNext = &chain->maintenance4;
	chain->unknown = icd_unknown(&chain->v11);
	chain->properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
	chain->properties.pNext = &chain->unknown;
	get(vk->physical, &chain->properties);
	icd_expect_unknown_intact(&chain->unknown);
	EXPECT(chain->properties.pNext == &chain->unknown);
	EXPECT(chain->unknown.pNext == &chain->v11);
	EXPECT(chain->v11.pNext == &chain->maintenance4);
}

static void properties_2(void **state)
{
	struct both both;

	(void)state;
	both_init(&both);
	for (size_t i = 0; i < COUNT(suffixes); i++) {
		struct properties_chain chain, driver;
		query_properties(&both.layered, suffixes[i], &chain);
		query_properties(&both.driver, suffixes[i], &driver);
		expect_properties(&chain.properties.properties, &driver.properties.properties);
		EXPECT_EQ(chain.properties.properties.limits.sparseAddressSpaceSize,
			both.layered.properties.limits.sparseAddressSpaceSize);
		EXPECT(memcmp(chain.v11.driverUUID, driver.v11.driverUUID, VK_UUID_SIZE) == 0);
		EXPECT_EQ(chain.v11.maxMemoryAllocationSize, driver.v11.maxMemoryAllocationSize);
		EXPECT_EQ(chain.maintenance4.maxBufferSize, driver.maintenance4.maxBufferSize);
	}
	both_finish(&both);
}

#define MAX_FAMILIES 8

static void expect_families(const VkQueueFamilyProperties *layered,
	const VkQueueFamilyProperties *driver, uint32_t count)
{
	bool any = false;

	for (uint32_t i = 0; i < count; i++) {
		EXPECT_EQ(layered[i].queueFlags & ~(VkQueueFlags)VK_QUEUE_SPARSE_BINDING_BIT,
			driver[i].queueFlags & ~(VkQueueFlags)VK_QUEUE_SPARSE_BINDING_BIT);
		EXPECT_EQ(layered[i].queueCount, driver[i].queueCount);
		EXPECT_EQ(layered[i].timestampValidBits, driver[i].timestampValidBits);
		any = any || (layered[i].queueFlags & VK_QUEUE_SPARSE_BINDING_BIT);
	}
	EXPECT(any);
}

static void queue_families_1_0(void **state)
{
	struct both both;
	VkQueueFamilyProperties layered[MAX_FAMILIES], driver[MAX_FAMILIES];
	uint32_t all = 0, count = 0, driver_count = MAX_FAMILIES;

	(void)state;
	both_init(&both);
	vkGetPhysicalDeviceQueueFamilyProperties(both.driver.physical, &all, NULL);
	vkGetPhysicalDeviceQueueFamilyProperties(both.driver.physical, &driver_count, driver);
	vkGetPhysicalDeviceQueueFamilyProperties(both.layered.physical, &count, NULL);
	EXPECT_EQ(count, all);

	/* Arrays larger and smaller than the number of families. SwiftShader does not lower the
	 * count. */
	count = MAX_FAMILIES;
	vkGetPhysicalDeviceQueueFamilyProperties(both.layered.physical, &count, layered);
	EXPECT_EQ(count, driver_count);
	expect_families(layered, driver, all);
	count = 0;
	vkGetPhysicalDeviceQueueFamilyProperties(both.layered.physical, &count, layered);
	EXPECT_EQ(count, 0);
	both_finish(&both);
}

static void queue_families_2(void **state)
{
	struct both both;

	(void)state;
	both_init(&both);
	for (size_t i = 0; i < COUNT(suffixes); i++) {
		char name[64] = "vkGetPhysicalDeviceQueueFamilyProperties";
		VkQueueFamilyProperties2 families[MAX_FAMILIES];
		VkQueueFamilyProperties layered[MAX_FAMILIES], driver[MAX_FAMILIES];
		struct icd_unknown unknown[MAX_FAMILIES];
		uint32_t count = MAX_FAMILIES, driver_count = MAX_FAMILIES;

		strcat(name, suffixes[i]);
		PFN_vkGetPhysicalDeviceQueueFamilyProperties2 get =
			(PFN_vkGetPhysicalDeviceQueueFamilyProperties2)instance_function(
				&both.layered, name);
		for (uint32_t f = 0; f < MAX_FAMILIES; f++) {
			unknown[f] = icd_unknown(NULL);
			families[f] = (VkQueueFamilyProperties2){
				.sType = VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2,
				.pNext = &unknown[f],
			};
		}
		get(both.layered.physical, &count, families);
		for (uint32_t f = 0; f < count; f++) {
			icd_expect_unknown_intact(&unknown[f]);
			layered[f] = families[f].queueFamilyProperties;
		}
		vkGetPhysicalDeviceQueueFamilyProperties(
			both.driver.physical, &driver_count, driver);
		EXPECT_EQ(count, driver_count);
		expect_families(layered, driver, count);
	}
	both_finish(&both);
}

/* The layer reports every extension of the driver. */
static void device_extensions(void **state)
{
	struct both both;
	VkExtensionProperties driver[512];
	uint32_t count = COUNT(driver);

	(void)state;
	both_init(&both);
	VKU_CHECK(vkEnumerateDeviceExtensionProperties(both.driver.physical, NULL, &count, driver));
	for (uint32_t i = 0; i < count; i++) {
		if (!vku_has_device_extension(&both.layered, driver[i].extensionName)) {
			vku_fail("%s is missing", driver[i].extensionName);
		}
	}
	both_finish(&both);
}

static bool is_ours(const VkPhysicalDeviceToolProperties *tool)
{
	return strstr(tool->layer, "VK_LAYER_VMBIND_sparse") != NULL;
}

/* The version of the manifest, as text. */
static void manifest_version(char *text, size_t size)
{
	VkLayerProperties layers[16];
	uint32_t count = COUNT(layers), version = 0;

	VKU_CHECK(vkEnumerateInstanceLayerProperties(&count, layers));
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(layers[i].layerName, "VK_LAYER_VMBIND_sparse") == 0) {
			version = layers[i].implementationVersion;
		}
	}
	snprintf(text, size, "%u.%u.%u", version / 10000, version / 100 % 100, version % 100);
}

static void check_tools(const struct vku *vk, const char *function)
{
	VkPhysicalDeviceToolProperties tools[8];
	char version[64];
	uint32_t count = 0, ours = 0;
	PFN_vkGetPhysicalDeviceToolProperties get =
		(PFN_vkGetPhysicalDeviceToolProperties)instance_function(vk, function);

	VKU_CHECK(get(vk->physical, &count, NULL));
	EXPECT(count >= 1 && count <= COUNT(tools));
	for (uint32_t i = 0; i < COUNT(tools); i++) {
		tools[i] = (VkPhysicalDeviceToolProperties){
			.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TOOL_PROPERTIES,
		};
	}
	uint32_t all = count;
	VKU_CHECK(get(vk->physical, &count, tools));
	EXPECT_EQ(count, all);
	manifest_version(version, sizeof(version));
	for (uint32_t i = 0; i < count; i++) {
		EXPECT(strlen(tools[i].name) > 0);
		EXPECT(!is_ours(&tools[i]) || strcmp(tools[i].version, version) == 0);
		ours += is_ours(&tools[i]);
	}
	EXPECT_EQ(ours, 1);

	/* Arrays of size 0 and larger. The validation layer miscounts with size 0. */
	if (!vku_validating()) {
		count = 0;
		EXPECT_RESULT(get(vk->physical, &count, tools), VK_INCOMPLETE);
		EXPECT_EQ(count, 0);
	}
	count = COUNT(tools);
	VKU_CHECK(get(vk->physical, &count, tools));
	EXPECT_EQ(count, all);
}

static void tool_properties(void **state)
{
	struct vku vk;

	(void)state;
	vku_instance_init(&vk, &(struct vku_options){ 0 });
	check_tools(&vk, "vkGetPhysicalDeviceToolProperties");
	check_tools(&vk, "vkGetPhysicalDeviceToolPropertiesEXT");
	vku_finish(&vk);
}

/* Sparse buffers can use up the whole reported sparseAddressSpaceSize. */
static void address_space_can_be_used(void **state)
{
	struct vku *vk = *state;
	static VkBuffer buffers[4096];
	const VkDeviceSize gap = 65536;
	VkDeviceSize each = icd_buffer_size(vk, (UINT64_C(4) << 30) - gap);
	VkDeviceSize all = vk->properties.limits.sparseAddressSpaceSize;
	size_t count = 0;

	if (ICD_IS_32_BIT) {
		each = all / 4;
	}

	/* ThreadSanitizer leaves little and fragmented address space. */
	if (icd_sanitized()) {
		skip();
	}
	for (; count < COUNT(buffers) && (count + 1) * (each + gap) <= all; count++) {
		buffers[count] = vku_create_buffer(
			vk, ICD_SPARSE_BUFFER, each, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
	}
	EXPECT(count > 0);
	while (count > 0) {
		vkDestroyBuffer(vk->device, buffers[--count], NULL);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENARIO_BARE(features_1_0),
		SCENARIO_BARE(features_2),
		SCENARIO_BARE(properties_1_0),
		SCENARIO_BARE(properties_2),
		SCENARIO_BARE(queue_families_1_0),
		SCENARIO_BARE(queue_families_2),
		SCENARIO_BARE(device_extensions),
		SCENARIO_BARE(tool_properties),
		SCENARIO(address_space_can_be_used),
	};

	return ICD_RUN(tests, argc, argv);
}
