/* SPDX-License-Identifier: MIT */
#include "device.h"

/* The first queue family with one of the wanted flags. */
static uint32_t find_family(const struct vku *vk, VkQueueFlags wanted)
{
	VkQueueFamilyProperties families[8];
	uint32_t count = 8;
	uint32_t i = 0;

	vkGetPhysicalDeviceQueueFamilyProperties(vk->physical, &count, families);
	while (i < count && !(families[i].queueFlags & wanted)) {
		i++;
	}
	if (i == count) {
		vku_fail("%s has no queue of flags 0x%x", vk->properties.deviceName, wanted);
	}
	return i;
}

VkResult sparse_device_create(struct vku *vk, VkQueue *commands)
{
	const float priority = 1.0f;
	const uint32_t families[] = {
		find_family(vk, VK_QUEUE_SPARSE_BINDING_BIT),
		find_family(vk, VK_QUEUE_COMPUTE_BIT),
	};
	VkPhysicalDeviceFeatures has;

	vkGetPhysicalDeviceFeatures(vk->physical, &has);
	if (!has.sparseBinding || !has.sparseResidencyBuffer) {
		vku_fail("the device has no sparse buffers");
	}
	VkPhysicalDeviceVulkan12Features in_1_2 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
		.bufferDeviceAddress = VK_TRUE,
		.timelineSemaphore = VK_TRUE,
	};
	const VkPhysicalDeviceFeatures2 features = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
		.pNext = &in_1_2,
		.features = {
			.sparseBinding = VK_TRUE,
			.sparseResidencyBuffer = VK_TRUE,
			.sparseResidencyImage2D = has.sparseResidencyImage2D,
			.sparseResidencyAliased = has.sparseResidencyAliased,
		},
	};
	VkDeviceQueueCreateInfo queues[2];
	for (uint32_t i = 0; i < 2; i++) {
		queues[i] = (VkDeviceQueueCreateInfo){
			.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
			.queueFamilyIndex = families[i],
			.queueCount = 1,
			.pQueuePriorities = &priority,
		};
	}
	const VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = &features,
		.queueCreateInfoCount = commands && families[0] != families[1] ? 2 : 1,
		.pQueueCreateInfos = queues,
	};
	VkResult result = vku_device_create(vk, &info);
	if (result == VK_SUCCESS && commands) {
		vkGetDeviceQueue(vk->device, families[1], 0, commands);
	}
	return result;
}

void sparse_device_destroy(struct vku *vk)
{
	vkDestroyCommandPool(vk->device, vk->pool, NULL);
	vku_device_finish(vk);
}
