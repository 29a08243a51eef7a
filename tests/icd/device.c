/* SPDX-License-Identifier: MIT */
#include "icd.h"

#include <stdlib.h>
#include <string.h>

/*
 * vkCreateDevice: enabled features and their place in the pNext chain, API versions, extensions,
 * and the source of the device functions (the layer or the driver).
 */

/* All input of vkCreateDevice in one block, which is placed in read-only memory. */
struct request {
	float priority;
	VkDeviceQueueCreateInfo queue;
	VkDeviceCreateInfo info;
	VkPhysicalDeviceFeatures features;
	VkPhysicalDeviceFeatures2 features2;
	VkPhysicalDeviceVulkan11Features v11;
	VkPhysicalDeviceVulkan12Features v12;
	struct icd_unknown unknown;
};

/* Builds a request. at is its final address, which its internal pointers refer to. */
typedef void build_fn(struct request *request, const struct request *at);

static struct request *make_request(build_fn *build)
{
	struct request request = { .priority = 1 };
	/* The first copy reserves the address. The second copy has the internal pointers. */
	struct request *at = icd_read_only(&request, sizeof(request));

	request.queue = (VkDeviceQueueCreateInfo){
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueCount = 1,
		.pQueuePriorities = &at->priority,
	};
	request.info = (VkDeviceCreateInfo){
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &at->queue,
	};
	request.features = (VkPhysicalDeviceFeatures){
		.sparseBinding = VK_TRUE,
		.sparseResidencyBuffer = VK_TRUE,
		.sparseResidencyAliased = VK_TRUE,
		.robustBufferAccess = VK_TRUE,
	};
	request.features2 = (VkPhysicalDeviceFeatures2){
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
		.features = request.features,
	};
	request.v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
	request.v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
	request.v12.bufferDeviceAddress = VK_TRUE;
	request.unknown = icd_unknown(NULL);
	build(&request, at);
	icd_rewrite_read_only(at, &request, sizeof(request));
	return at;
}

#define LINK(next) ((void *)&at->next)

static void plain_features(struct request *r, const struct request *at)
{
	r->info.pEnabledFeatures = &at->features;
}

static void plain_features_and_chain(struct request *r, const struct request *at)
{
	r->info.pEnabledFeatures = &at->features;
	r->info.pNext = LINK(v12);
}

static void features2_first(struct request *r, const struct request *at)
{
	r->info.pNext = LINK(features2);
	r->features2.pNext = LINK(v11);
	r->v11.pNext = LINK(v12);
}

static void features2_in_the_middle(struct request *r, const struct request *at)
{
	r->info.pNext = LINK(v11);
	r->v11.pNext = LINK(features2);
	r->features2.pNext = LINK(v12);
}

static void features2_last(struct request *r, const struct request *at)
{
	r->info.pNext = LINK(v12);
	r->v12.pNext = LINK(v11);
	r->v11.pNext = LINK(features2);
}

static void features2_behind_unknown(struct request *r, const struct request *at)
{
	r->info.pNext = LINK(unknown);
	r->unknown.pNext = LINK(features2);
	r->features2.pNext = LINK(v12);
}

static void features2_before_unknown(struct request *r, const struct request *at)
{
	r->info.pNext = LINK(features2);
	r->features2.pNext = LINK(unknown);
	r->unknown.pNext = LINK(v12);
}

static void expect_sparse_works(const struct vku *vk)
{
	struct icd_pages p;
	VkSparseMemoryBind bind;

	icd_pages_init(vk, &p, 4, 4);
	bind = icd_page_bind(&p, 1, 2, 0);
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	icd_expect_page(vk, &p, 1, icd_stamp(0));
	icd_expect_page(vk, &p, 2, icd_stamp(1));
	icd_pages_finish(vk, &p);
}

/* The layer enables the features wherever the request has them. The request is read-only. */
static void features_are_enabled(void **state)
{
	build_fn *build = (build_fn *)*state;
	struct request *request = make_request(build);
	struct vku vk;

	vku_instance_init(&vk, &(struct vku_options){ 0 });
	vk.expect_validation_errors = true;
	VKU_CHECK(vku_device_create(&vk, &request->info));
	/* Without bufferDeviceAddress the buffers cannot have the address usage. */
	if (!request->info.pNext) {
		vk.api_version = VK_API_VERSION_1_0;
	}
	expect_sparse_works(&vk);
	vku_finish(&vk);
	icd_read_only_free(request);
}

static VkResult try_features(
	struct vku *vk, const VkPhysicalDeviceFeatures *features, bool in_chain)
{
	const float priority = 1;
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	const VkPhysicalDeviceFeatures2 features2 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
		.features = *features,
	};
	const VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = in_chain ? &features2 : NULL,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
		.pEnabledFeatures = in_chain ? NULL : features,
	};
	VkResult result = vku_device_create(vk, &info);

	if (result == VK_SUCCESS) {
		vkDestroyCommandPool(vk->device, vk->pool, NULL);
		vku_device_finish(vk);
	}
	return result;
}

/* vkCreateDevice refuses each unreported feature and enables each reported feature. */
static void unreported_features_are_refused(void **state)
{
	const size_t count = sizeof(VkPhysicalDeviceFeatures) / sizeof(VkBool32);
	union {
		VkPhysicalDeviceFeatures features;
		VkBool32 flags[sizeof(VkPhysicalDeviceFeatures) / sizeof(VkBool32)];
	} had, one;
	struct vku vk;

	(void)state;
	icd_skip_if_validating();
	vku_instance_init(&vk, &(struct vku_options){ 0 });
	vkGetPhysicalDeviceFeatures(vk.physical, &had.features);
	for (size_t i = 0; i < count; i++) {
		memset(&one, 0, sizeof(one));
		one.flags[i] = VK_TRUE;
		VkResult expected = had.flags[i] ? VK_SUCCESS : VK_ERROR_FEATURE_NOT_PRESENT;
		EXPECT_RESULT(try_features(&vk, &one.features, false), expected);
		EXPECT_RESULT(try_features(&vk, &one.features, true), expected);
	}
	EXPECT_RESULT(try_features(&vk, &had.features, true), VK_SUCCESS);
	vku_finish(&vk);
}

/* Without sparse features the application gets the driver's own device functions. */
static void without_sparse_features(void **state)
{
	const struct vku_options options = { .without_sparse = true };
	struct vku vk, driver;
	struct vku_buffer buffer;

	(void)state;
	vku_init(&vk, &options);
	icd_driver_init(&driver);
	for (VkDeviceSize size = 1; size < (VkDeviceSize)1 << 30; size *= 7) {
		VkBuffer ours = vku_create_buffer(&vk, 0, size, VKU_ALL_BUFFER_USAGE);
		VkBuffer theirs = vku_create_buffer(&driver, 0, size, VKU_ALL_BUFFER_USAGE);
		VkMemoryRequirements a = vku_buffer_requirements(&vk, ours);
		VkMemoryRequirements b = vku_buffer_requirements(&driver, theirs);
		EXPECT_EQ(a.size, b.size);
		EXPECT_EQ(a.alignment, b.alignment);
		EXPECT_EQ(a.memoryTypeBits, b.memoryTypeBits);
		vkDestroyBuffer(vk.device, ours, NULL);
		vkDestroyBuffer(driver.device, theirs, NULL);
	}
	vku_buffer_init(&vk, &buffer, 1 << 20);
	vku_fill(&vk, buffer.buffer, 0, VK_WHOLE_SIZE, 0x600df00d);
	icd_expect_filled(&vk, buffer.buffer, 0, 1 << 20, 0x600df00d);
	EXPECT_EQ(*(uint32_t *)buffer.map, 0x600df00d);
	vku_buffer_finish(&vk, &buffer);
	vku_finish(&driver);
	vku_finish(&vk);
}

/* An application that finds the features but does not enable them gets an error at creation, not a
 * crash at the bind. A driver with sparse resources of its own accepts such use. */
static void sparse_without_the_feature(void **state)
{
	const struct vku_options options = { .without_sparse = true };
	const VkBufferCreateInfo buffer_info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.flags = VK_BUFFER_CREATE_SPARSE_BINDING_BIT,
		.size = 1 << 20,
		.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
	};
	const VkImageCreateInfo image_info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { 64, 64, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	VkBuffer buffer;
	VkImage image;
	struct vku vk;

	(void)state;
	icd_skip_if_validating();
	vku_init(&vk, &options);
	EXPECT_RESULT(vkCreateBuffer(vk.device, &buffer_info, NULL, &buffer),
		VK_ERROR_FEATURE_NOT_PRESENT);
	EXPECT_EQ((uintptr_t)buffer, 0);
	EXPECT_RESULT(
		vkCreateImage(vk.device, &image_info, NULL, &image), VK_ERROR_FEATURE_NOT_PRESENT);
	EXPECT_EQ((uintptr_t)image, 0);
	vku_finish(&vk);
}

static void vulkan_1_0(void **state)
{
	struct vku vk;

	(void)state;
	vku_init(&vk, &(struct vku_options){ .api_version = VK_API_VERSION_1_0 });
	expect_sparse_works(&vk);
	vku_finish(&vk);
}

static void vulkan_1_1(void **state)
{
	struct vku vk;

	(void)state;
	vku_init(&vk, &(struct vku_options){ .api_version = VK_API_VERSION_1_1 });
	expect_sparse_works(&vk);
	vku_finish(&vk);
}

static void no_application_info(void **state)
{
	struct vku vk;

	(void)state;
	vku_init(&vk, &(struct vku_options){ .no_application_info = true });
	expect_sparse_works(&vk);
	vku_finish(&vk);
}

/* The application may enable the same extensions as the layer, by name. */
static void extensions_enabled_by_name(void **state)
{
	static const char *const wanted[] = {
		VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME,
		VK_KHR_EXTERNAL_MEMORY_EXTENSION_NAME,
		VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME,
		VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME,
		VK_KHR_BUFFER_DEVICE_ADDRESS_EXTENSION_NAME,
		VK_KHR_BIND_MEMORY_2_EXTENSION_NAME,
	};
	const char *supported[COUNT(wanted)];
	struct vku_options options = { .device_extensions = supported };
	struct vku vk;

	(void)state;
	vku_instance_init(&vk, &options);
	for (size_t i = 0; i < COUNT(wanted); i++) {
		if (vku_has_device_extension(&vk, wanted[i])) {
			supported[options.device_extension_count++] = wanted[i];
		}
	}
	EXPECT(options.device_extension_count > 0);
	vku_device_init(&vk, &options);
	expect_sparse_works(&vk);
	vku_finish(&vk);
}

static void several_devices_at_once(void **state)
{
	struct vku *first = *state;
	struct vku second, third;

	vku_init(&second, &(struct vku_options){ 0 });
	/* The third device shares the instance of the first. */
	third = (struct vku){
		.instance = first->instance,
		.physical = first->physical,
		.api_version = first->api_version,
		.properties = first->properties,
		.memory = first->memory,
	};
	vku_device_init(&third, &(struct vku_options){ 0 });
	expect_sparse_works(&third);
	expect_sparse_works(&second);
	expect_sparse_works(first);
	vku_finish(&second);
	expect_sparse_works(&third);
	vkDestroyCommandPool(third.device, third.pool, NULL);
	vku_device_finish(&third);
	expect_sparse_works(first);
}

int main(int argc, char **argv)
{
#define ENABLED(build) \
	{ \
		"features_are_enabled " #build, features_are_enabled, NULL, NULL, (void *)(build) \
	}
	const struct CMUnitTest tests[] = {
		ENABLED(plain_features),
		ENABLED(plain_features_and_chain),
		ENABLED(features2_first),
		ENABLED(features2_in_the_middle),
		ENABLED(features2_last),
		ENABLED(features2_behind_unknown),
		ENABLED(features2_before_unknown),
		SCENARIO_BARE(unreported_features_are_refused),
		SCENARIO_BARE(without_sparse_features),
		SCENARIO_BARE(sparse_without_the_feature),
		SCENARIO_BARE(vulkan_1_0),
		SCENARIO_BARE(vulkan_1_1),
		SCENARIO_BARE(no_application_info),
		SCENARIO_BARE(extensions_enabled_by_name),
		SCENARIO(several_devices_at_once),
	};

	return ICD_RUN(tests, argc, argv);
}
