/* SPDX-License-Identifier: MIT */
#include "icd.h"

#include <string.h>

/*
 * Image queries: with SPARSE_BINDING the results equal the driver's results without the flag.
 * SPARSE_RESIDENCY is unsupported unless the driver itself supports it.
 */

static const VkImageUsageFlags usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT |
	VK_IMAGE_USAGE_TRANSFER_DST_BIT;

#define RESIDENCY (VK_IMAGE_CREATE_SPARSE_BINDING_BIT | VK_IMAGE_CREATE_SPARSE_RESIDENCY_BIT)

static const char *const suffixes[] = { "2", "2KHR" };

static const char *const khr_extension = VK_KHR_GET_PHYSICAL_DEVICE_PROPERTIES_2_EXTENSION_NAME;

static void init(struct vku *vk)
{
	static const char *const device_extensions[] = {
		VK_KHR_GET_MEMORY_REQUIREMENTS_2_EXTENSION_NAME,
		VK_KHR_MAINTENANCE_4_EXTENSION_NAME,
	};
	const struct vku_options options = {
		.instance_extensions = &khr_extension,
		.instance_extension_count = 1,
		.device_extensions = device_extensions,
		.device_extension_count = COUNT(device_extensions),
	};

	vku_init(vk, &options);
}

static PFN_vkVoidFunction function(const struct vku *vk, const char *name, const char *suffix)
{
	char whole[96];

	strcpy(whole, name);
	strcat(whole, suffix);
	PFN_vkVoidFunction found = vkGetInstanceProcAddr(vk->instance, whole);
	if (!found) {
		vku_fail("no %s", whole);
	}
	return found;
}

static VkResult query_format(const struct vku *vk, const char *suffix, VkFormat format,
	VkImageTiling tiling, VkImageCreateFlags flags, VkImageFormatProperties *properties)
{
	const VkPhysicalDeviceImageFormatInfo2 info = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
		.format = format,
		.type = VK_IMAGE_TYPE_2D,
		.tiling = tiling,
		.usage = usage,
		.flags = flags,
	};
	VkImageFormatProperties2 properties2 = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
	};

	if (!suffix) {
		return vkGetPhysicalDeviceImageFormatProperties(
			vk->physical, format, VK_IMAGE_TYPE_2D, tiling, usage, flags, properties);
	}
	PFN_vkGetPhysicalDeviceImageFormatProperties2 get =
		(PFN_vkGetPhysicalDeviceImageFormatProperties2)function(
			vk, "vkGetPhysicalDeviceImageFormatProperties", suffix);
	VkResult result = get(vk->physical, &info, &properties2);
	*properties = properties2.imageFormatProperties;
	return result;
}

/* Sparse images support the same formats as ordinary images, with the same limits. */
static void check_format(const struct vku *vk, const char *suffix, VkFormat format,
	VkImageTiling tiling, bool residency)
{
	VkImageFormatProperties plain, sparse;
	VkResult expected = query_format(vk, suffix, format, tiling, 0, &plain);

	EXPECT_RESULT(query_format(vk, suffix, format, tiling, VK_IMAGE_CREATE_SPARSE_BINDING_BIT,
			      &sparse),
		expected);
	if (expected == VK_SUCCESS) {
		EXPECT_EQ(plain.maxExtent.width, sparse.maxExtent.width);
		EXPECT_EQ(plain.maxExtent.height, sparse.maxExtent.height);
		EXPECT_EQ(plain.maxMipLevels, sparse.maxMipLevels);
		EXPECT_EQ(plain.maxArrayLayers, sparse.maxArrayLayers);
		EXPECT_EQ(plain.sampleCounts, sparse.sampleCounts);
	}
	if (!residency) {
		EXPECT_RESULT(query_format(vk, suffix, format, tiling, RESIDENCY, &sparse),
			VK_ERROR_FORMAT_NOT_SUPPORTED);
	}
}

static bool has_residency(const struct vku *vk)
{
	VkPhysicalDeviceFeatures features;

	vkGetPhysicalDeviceFeatures(vk->physical, &features);
	return features.sparseResidencyImage2D;
}

static void image_formats(void **state)
{
	static const VkImageTiling tilings[] = { VK_IMAGE_TILING_OPTIMAL, VK_IMAGE_TILING_LINEAR };
	struct vku vk;

	(void)state;
	init(&vk);
	/* The validation layer rejects residency queries if the feature is missing. */
	bool residency = has_residency(&vk) || vku_validating();
	for (VkFormat format = VK_FORMAT_UNDEFINED + 1; format <= VK_FORMAT_ASTC_12x12_SRGB_BLOCK;
		format++) {
		for (size_t t = 0; t < COUNT(tilings); t++) {
			check_format(&vk, NULL, format, tilings[t], residency);
			check_format(&vk, suffixes[0], format, tilings[t], residency);
			check_format(&vk, suffixes[1], format, tilings[t], residency);
		}
	}
	vku_finish(&vk);
}

/* No format has sparse blocks. */
static void sparse_formats(void **state)
{
	struct vku vk;

	(void)state;
	init(&vk);
	if (has_residency(&vk)) {
		vku_finish(&vk);
		skip();
	}
	for (VkFormat format = VK_FORMAT_R8_UNORM; format <= VK_FORMAT_BC7_SRGB_BLOCK; format++) {
		VkSparseImageFormatProperties plain[4];
		uint32_t count = COUNT(plain);
		vkGetPhysicalDeviceSparseImageFormatProperties(vk.physical, format,
			VK_IMAGE_TYPE_2D, VK_SAMPLE_COUNT_1_BIT, usage, VK_IMAGE_TILING_OPTIMAL,
			&count, plain);
		EXPECT_EQ(count, 0);
		vkGetPhysicalDeviceSparseImageFormatProperties(vk.physical, format,
			VK_IMAGE_TYPE_2D, VK_SAMPLE_COUNT_1_BIT, usage, VK_IMAGE_TILING_OPTIMAL,
			&count, NULL);
		EXPECT_EQ(count, 0);
		for (size_t i = 0; i < COUNT(suffixes); i++) {
			const VkPhysicalDeviceSparseImageFormatInfo2 info = {
				/* clang-format off */
				.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SPARSE_IMAGE_FORMAT_INFO_2,
				/* clang-format on */
				.format = format,
				.type = VK_IMAGE_TYPE_2D,
				.samples = VK_SAMPLE_COUNT_1_BIT,
				.usage = usage,
				.tiling = VK_IMAGE_TILING_OPTIMAL,
			};
			PFN_vkGetPhysicalDeviceSparseImageFormatProperties2 get =
				(PFN_vkGetPhysicalDeviceSparseImageFormatProperties2)function(&vk,
					"vkGetPhysicalDeviceSparseImageFormatProperties",
					suffixes[i]);
			count = 7;
			get(vk.physical, &info, &count, NULL);
			EXPECT_EQ(count, 0);
		}
	}
	vku_finish(&vk);
}

static VkImageCreateInfo image_info(VkFormat format, uint32_t levels, VkImageCreateFlags flags)
{
	return (VkImageCreateInfo){
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = flags,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = format,
		.extent = { 300, 200, 1 },
		.mipLevels = levels,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.tiling = VK_IMAGE_TILING_OPTIMAL,
		.usage = usage,
	};
}

static void check_no_sparse_requirements(const struct vku *vk, VkImage image,
	const VkImageCreateInfo *info, const char *suffix, const char *device_suffix)
{
	const VkImageSparseMemoryRequirementsInfo2 of_image = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_SPARSE_MEMORY_REQUIREMENTS_INFO_2,
		.image = image,
	};
	const VkDeviceImageMemoryRequirements of_info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_IMAGE_MEMORY_REQUIREMENTS,
		.pCreateInfo = info,
	};
	uint32_t count = 7;

	PFN_vkGetImageSparseMemoryRequirements2 get = (PFN_vkGetImageSparseMemoryRequirements2)
		function(vk, "vkGetImageSparseMemoryRequirements", suffix);
	get(vk->device, &of_image, &count, NULL);
	EXPECT_EQ(count, 0);

	PFN_vkGetDeviceImageSparseMemoryRequirements get_of_info =
		(PFN_vkGetDeviceImageSparseMemoryRequirements)function(
			vk, "vkGetDeviceImageSparseMemoryRequirements", device_suffix);
	count = 7;
	get_of_info(vk->device, &of_info, &count, NULL);
	EXPECT_EQ(count, 0);
}

static void sparse_requirements(void **state)
{
	const VkImageCreateInfo info = image_info(
		VK_FORMAT_R8G8B8A8_UNORM, 1, VK_IMAGE_CREATE_SPARSE_BINDING_BIT);
	VkSparseImageMemoryRequirements requirements[4];
	uint32_t count = COUNT(requirements);
	VkImage image;
	struct vku vk;

	(void)state;
	init(&vk);
	VKU_CHECK(vkCreateImage(vk.device, &info, NULL, &image));
	vkGetImageSparseMemoryRequirements(vk.device, image, &count, requirements);
	EXPECT_EQ(count, 0);
	count = 7;
	vkGetImageSparseMemoryRequirements(vk.device, image, &count, NULL);
	EXPECT_EQ(count, 0);
	check_no_sparse_requirements(&vk, image, &info, "2", "");
	check_no_sparse_requirements(&vk, image, &info, "2KHR", "KHR");
	vkDestroyImage(vk.device, image, NULL);
	vku_finish(&vk);
}

static void expect_same(const VkMemoryRequirements *a, const VkMemoryRequirements *b)
{
	EXPECT_EQ(a->size, b->size);
	EXPECT_EQ(a->alignment, b->alignment);
	EXPECT_EQ(a->memoryTypeBits, b->memoryTypeBits);
}

static void check_requirements(const struct vku *vk, const VkImageCreateInfo *info,
	const char *suffix, const char *device_suffix)
{
	VkMemoryRequirements plain;
	VkMemoryRequirements2 chained = { .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2 };
	VkImage image;

	VKU_CHECK(vkCreateImage(vk->device, info, NULL, &image));
	vkGetImageMemoryRequirements(vk->device, image, &plain);
	EXPECT_EQ(plain.size % plain.alignment, 0);

	const VkImageMemoryRequirementsInfo2 of_image = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2,
		.image = image,
	};
	PFN_vkGetImageMemoryRequirements2 get = (PFN_vkGetImageMemoryRequirements2)function(
		vk, "vkGetImageMemoryRequirements", suffix);
	get(vk->device, &of_image, &chained);
	expect_same(&plain, &chained.memoryRequirements);

	const VkDeviceImageMemoryRequirements of_info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_IMAGE_MEMORY_REQUIREMENTS,
		.pCreateInfo = info,
	};
	PFN_vkGetDeviceImageMemoryRequirements get_of_info =
		(PFN_vkGetDeviceImageMemoryRequirements)function(
			vk, "vkGetDeviceImageMemoryRequirements", device_suffix);
	chained.memoryRequirements = (VkMemoryRequirements){ 0 };
	get_of_info(vk->device, &of_info, &chained);
	expect_same(&plain, &chained.memoryRequirements);
	vkDestroyImage(vk->device, image, NULL);
}

static void requirements_agree(void **state)
{
	static const VkFormat formats[] = { VK_FORMAT_R8_UNORM, VK_FORMAT_R8G8B8A8_UNORM,
		VK_FORMAT_D32_SFLOAT, VK_FORMAT_R32G32B32A32_SFLOAT };
	struct vku vk;

	(void)state;
	init(&vk);
	for (size_t f = 0; f < COUNT(formats); f++) {
		for (uint32_t levels = 1; levels < 8; levels += 3) {
			const VkImageCreateInfo info = image_info(
				formats[f], levels, VK_IMAGE_CREATE_SPARSE_BINDING_BIT);
			check_requirements(&vk, &info, "2", "");
			check_requirements(&vk, &info, "2KHR", "KHR");
		}
	}
	vku_finish(&vk);
}

/* vkCreateImage returns an error for an unsupported resident image. */
static void resident_images_are_refused(void **state)
{
	const VkImageCreateInfo info = image_info(VK_FORMAT_R8G8B8A8_UNORM, 1, RESIDENCY);
	struct vku *vk = *state;
	VkImage image = VK_NULL_HANDLE;

	icd_skip_if_validating();
	if (has_residency(vk)) {
		skip();
	}
	VkResult result = vkCreateImage(vk->device, &info, NULL, &image);
	EXPECT(result == VK_ERROR_FEATURE_NOT_PRESENT || result == VK_ERROR_FORMAT_NOT_SUPPORTED);
}

static VkResult query_usage(
	const struct vku *vk, VkImageUsageFlags wanted, VkImageCreateFlags flags)
{
	const VkPhysicalDeviceImageFormatInfo2 info = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.type = VK_IMAGE_TYPE_2D,
		.tiling = VK_IMAGE_TILING_OPTIMAL,
		.usage = wanted,
		.flags = flags,
	};
	VkImageFormatProperties2 properties2 = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
	};
	VkImageFormatProperties properties;

	VkResult result = vkGetPhysicalDeviceImageFormatProperties(vk->physical, info.format,
		info.type, info.tiling, info.usage, info.flags, &properties);
	EXPECT_RESULT(vkGetPhysicalDeviceImageFormatProperties2(vk->physical, &info, &properties2),
		result);
	return result;
}

/* For panvk with VK_EXT_host_image_copy. A driver with sparse images of its own does not support
 * host copies to them, and cannot map the reservation of the layer either. */
static void no_host_copies_on_panvk(void **state)
{
	const VkImageUsageFlags host_transfer = 0x00400000 | VK_IMAGE_USAGE_SAMPLED_BIT;
	struct vku vk, driver;

	(void)state;
	vku_init(&vk, &(struct vku_options){ 0 });
	if (vk.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU) {
		vku_finish(&vk);
		skip();
	}
	icd_driver_init(&driver);
	EXPECT_RESULT(query_usage(&vk, host_transfer, 0), VK_SUCCESS);
	EXPECT_RESULT(
		query_usage(&vk, VK_IMAGE_USAGE_SAMPLED_BIT, VK_IMAGE_CREATE_SPARSE_BINDING_BIT),
		VK_SUCCESS);
	EXPECT_RESULT(query_usage(&driver, host_transfer, VK_IMAGE_CREATE_SPARSE_BINDING_BIT),
		VK_ERROR_FORMAT_NOT_SUPPORTED);
	EXPECT_RESULT(query_usage(&vk, host_transfer, VK_IMAGE_CREATE_SPARSE_BINDING_BIT),
		VK_ERROR_FORMAT_NOT_SUPPORTED);
	vku_finish(&driver);
	vku_finish(&vk);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENARIO_BARE(image_formats),
		SCENARIO_BARE(sparse_formats),
		SCENARIO_BARE(sparse_requirements),
		SCENARIO_BARE(requirements_agree),
		SCENARIO(resident_images_are_refused),
		SCENARIO_BARE(no_host_copies_on_panvk),
	};

	return ICD_RUN(tests, argc, argv);
}
