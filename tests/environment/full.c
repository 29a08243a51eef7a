/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "job.h"
#include "stages.h"

/* full: a job on a device with all features that the driver offers. If sparse buffers are among
 * them, the program also binds, writes, reads and unbinds one. */

#define BLOCKS 8
#define WORDS_PER_BLOCK (1u << 18)
#define WORDS (BLOCKS * WORDS_PER_BLOCK)

/* The features of all core versions up to the device's. */
struct features {
	VkPhysicalDeviceVulkan13Features v13;
	VkPhysicalDeviceVulkan12Features v12;
	VkPhysicalDeviceVulkan11Features v11;
	VkPhysicalDeviceFeatures2 all;
};

static void query_features(const struct vku *vk, struct features *features)
{
	*features = (struct features){
		.v13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
		.v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
		.v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
		.all.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
	};
	if (vk->api_version < VK_API_VERSION_1_2) {
		vku_fail("the device does not support Vulkan 1.2");
	}
	features->all.pNext = &features->v11;
	features->v11.pNext = &features->v12;
	features->v12.pNext = vk->api_version >= VK_API_VERSION_1_3 ? &features->v13 : NULL;
	vkGetPhysicalDeviceFeatures2(vk->physical, &features->all);
}

/* A family for compute, with sparse binding if there is one. */
static uint32_t choose_family(const struct vku *vk)
{
	VkQueueFamilyProperties families[16];
	uint32_t count = 16;
	uint32_t found = UINT32_MAX;

	vkGetPhysicalDeviceQueueFamilyProperties(vk->physical, &count, families);
	for (uint32_t i = 0; i < count; i++) {
		const VkQueueFlags flags = families[i].queueFlags;
		if (flags & VK_QUEUE_COMPUTE_BIT &&
			(found == UINT32_MAX || flags & VK_QUEUE_SPARSE_BINDING_BIT)) {
			found = i;
		}
	}
	return found;
}

static void create_device(struct vku *vk, const struct features *features)
{
	const float priority = 1;
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueFamilyIndex = choose_family(vk),
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	const VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = &features->all,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
	};

	VKU_CHECK(vku_device_create(vk, &info));
}

/* Binds the blocks of the memory in reverse order. */
static void bind_reversed(
	const struct vku *vk, VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize block)
{
	VkSparseMemoryBind binds[BLOCKS];

	for (uint32_t i = 0; i < BLOCKS; i++) {
		binds[i] = (VkSparseMemoryBind){
			.resourceOffset = i * block,
			.size = block,
			.memory = memory,
			.memoryOffset = memory ? (BLOCKS - 1 - i) * block : 0,
		};
	}
	vku_bind_buffer(vk, buffer, binds, BLOCKS);
}

static uint32_t pattern(uint32_t i)
{
	return i * 2654435761u;
}

static void write_and_read(const struct vku *vk, VkBuffer buffer)
{
	const VkDeviceSize size = (VkDeviceSize)WORDS * sizeof(uint32_t);
	uint32_t *words = malloc(size);
	uint32_t wrong = 0;

	if (!words) {
		vku_fail("out of memory");
	}
	for (uint32_t i = 0; i < WORDS; i++) {
		words[i] = pattern(i);
	}
	vku_write(vk, buffer, 0, size, words);
	for (uint32_t i = 0; i < WORDS; i++) {
		words[i] = 0;
	}
	vku_read(vk, buffer, 0, size, words);
	for (uint32_t i = 0; i < WORDS; i++) {
		wrong += words[i] != pattern(i);
	}
	free(words);
	fprintf(output, "sparse: %u of %u words are wrong\n", wrong, WORDS);
	if (wrong) {
		vku_fail("wrong data in the sparse buffer");
	}
}

static void use_sparse_buffer(const struct vku *vk)
{
	const VkDeviceSize size = (VkDeviceSize)WORDS * sizeof(uint32_t);
	VkBuffer buffer = vku_create_buffer(
		vk, VK_BUFFER_CREATE_SPARSE_BINDING_BIT, size, VKU_ALL_BUFFER_USAGE);
	VkMemoryRequirements needs = vku_buffer_requirements(vk, buffer);
	VkDeviceMemory memory = vku_allocate(vk, needs.size, needs.memoryTypeBits);

	bind_reversed(vk, buffer, memory, size / BLOCKS);
	write_and_read(vk, buffer);
	bind_reversed(vk, buffer, VK_NULL_HANDLE, size / BLOCKS);
	vkDestroyBuffer(vk->device, buffer, NULL);
	vkFreeMemory(vk->device, memory, NULL);
	fprintf(output, "sparse: buffer unbound\n");
}

int main(int argc, char **argv)
{
	struct features features;
	struct vku vk;

	stages_init(argc, argv);
	vku_instance_init(&vk, &(struct vku_options){ 0 });
	stage("instance");
	query_features(&vk, &features);
	create_device(&vk, &features);
	stage("device");
	job_run(&vk);
	if (features.all.features.sparseBinding) {
		use_sparse_buffer(&vk);
	} else {
		fprintf(output, "sparse: not offered\n");
	}
	job_run(&vk);
	vku_finish(&vk);
	return stages_finish();
}
