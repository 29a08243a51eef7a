/* SPDX-License-Identifier: MIT */
#define VOLK_IMPLEMENTATION
#include <stdbool.h>
#include <stdio.h>
#include <volk.h>

#include "loader.h"

/*
 * volk: a program that imports only vkGetInstanceProcAddr from the loader. The program works on
 * devices with functions from vkGetInstanceProcAddr, with functions from vkGetDeviceProcAddr, and
 * with one function table for each of two devices. If supported, the buffers are sparse.
 */

#define SIZE UINT64_C(262144)

struct gpu {
	VkPhysicalDevice physical;
	VkPhysicalDeviceMemoryProperties memory;
	VkDevice device;
	VkQueue queue;
	bool sparse;
};

static void gpu_init(struct gpu *gpu, VkInstance instance, bool wants_sparse)
{
	VkPhysicalDeviceFeatures features;

	gpu->physical = loader_first_device(vkGetInstanceProcAddr, instance);
	vkGetPhysicalDeviceMemoryProperties(gpu->physical, &gpu->memory);
	vkGetPhysicalDeviceFeatures(gpu->physical, &features);
	gpu->sparse = wants_sparse && features.sparseBinding && features.sparseResidencyBuffer;
	const VkPhysicalDeviceFeatures enabled = {
		.sparseBinding = gpu->sparse,
		.sparseResidencyBuffer = gpu->sparse,
	};
	const VkDeviceCreateInfo info = { .pEnabledFeatures = &enabled };
	gpu->device = loader_create_device(vkGetInstanceProcAddr, instance, gpu->physical, info);
}

static VkDeviceMemory allocate(
	const struct VolkDeviceTable *vk, const struct gpu *gpu, const VkMemoryRequirements *needs)
{
	const VkMemoryPropertyFlags host = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
		VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
	VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = needs->size,
	};
	VkDeviceMemory memory;
	uint32_t type = 0;

	while (!(needs->memoryTypeBits & 1u << type) ||
		(gpu->memory.memoryTypes[type].propertyFlags & host) != host) {
		type++;
	}
	info.memoryTypeIndex = type;
	LOADER_CHECK(vk->vkAllocateMemory(gpu->device, &info, NULL, &memory));
	return memory;
}

static VkBuffer create_buffer(const struct VolkDeviceTable *vk, const struct gpu *gpu, bool sparse,
	VkMemoryRequirements *needs)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.flags = sparse ? VK_BUFFER_CREATE_SPARSE_BINDING_BIT |
				VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT
				: 0,
		.size = SIZE,
		.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	VkBuffer buffer;

	LOADER_CHECK(vk->vkCreateBuffer(gpu->device, &info, NULL, &buffer));
	vk->vkGetBufferMemoryRequirements(gpu->device, buffer, needs);
	return buffer;
}

static void bind(const struct VolkDeviceTable *vk, const struct gpu *gpu, VkBuffer buffer,
	VkDeviceMemory memory, VkDeviceSize size)
{
	const VkSparseMemoryBind range = { .size = size, .memory = memory };
	const VkSparseBufferMemoryBindInfo ranges = { buffer, 1, &range };
	const VkBindSparseInfo info = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.bufferBindCount = 1,
		.pBufferBinds = &ranges,
	};

	if (!gpu->sparse) {
		LOADER_CHECK(vk->vkBindBufferMemory(gpu->device, buffer, memory, 0));
		return;
	}
	LOADER_CHECK(vk->vkQueueBindSparse(gpu->queue, 1, &info, VK_NULL_HANDLE));
	LOADER_CHECK(vk->vkQueueWaitIdle(gpu->queue));
}

/* Fills one buffer and copies it to the other. */
static void fill_and_copy(const struct VolkDeviceTable *vk, const struct gpu *gpu, VkBuffer from,
	VkBuffer to, uint32_t word)
{
	const VkCommandPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
	};
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
	};
	const VkMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_HOST_READ_BIT,
	};
	const VkPipelineStageFlags after = VK_PIPELINE_STAGE_TRANSFER_BIT |
		VK_PIPELINE_STAGE_HOST_BIT;
	const VkBufferCopy all = { .size = SIZE };
	VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandBufferCount = 1,
	};
	VkCommandBuffer commands;
	VkSubmitInfo submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &commands,
	};

	LOADER_CHECK(vk->vkCreateCommandPool(gpu->device, &pool_info, NULL, &info.commandPool));
	LOADER_CHECK(vk->vkAllocateCommandBuffers(gpu->device, &info, &commands));
	LOADER_CHECK(vk->vkBeginCommandBuffer(commands, &begin));
	vk->vkCmdFillBuffer(commands, from, 0, SIZE, word);
	vk->vkCmdPipelineBarrier(
		commands, VK_PIPELINE_STAGE_TRANSFER_BIT, after, 0, 1, &barrier, 0, NULL, 0, NULL);
	vk->vkCmdCopyBuffer(commands, from, to, 1, &all);
	vk->vkCmdPipelineBarrier(
		commands, VK_PIPELINE_STAGE_TRANSFER_BIT, after, 0, 1, &barrier, 0, NULL, 0, NULL);
	LOADER_CHECK(vk->vkEndCommandBuffer(commands));
	LOADER_CHECK(vk->vkQueueSubmit(gpu->queue, 1, &submit, VK_NULL_HANDLE));
	LOADER_CHECK(vk->vkDeviceWaitIdle(gpu->device));
	vk->vkDestroyCommandPool(gpu->device, info.commandPool, NULL);
}

static void work(const struct VolkDeviceTable *vk, struct gpu *gpu, const char *how, uint32_t word)
{
	VkMemoryRequirements needs[2];
	VkDeviceMemory memory[2];
	VkBuffer buffers[2];
	void *map;

	vk->vkGetDeviceQueue(gpu->device, 0, 0, &gpu->queue);
	for (int i = 0; i < 2; i++) {
		buffers[i] = create_buffer(vk, gpu, gpu->sparse && i == 0, &needs[i]);
		memory[i] = allocate(vk, gpu, &needs[i]);
	}
	bind(vk, gpu, buffers[0], memory[0], needs[0].size);
	LOADER_CHECK(vk->vkBindBufferMemory(gpu->device, buffers[1], memory[1], 0));
	fill_and_copy(vk, gpu, buffers[0], buffers[1], word);
	LOADER_CHECK(vk->vkMapMemory(gpu->device, memory[1], 0, VK_WHOLE_SIZE, 0, &map));
	printf("%s: %x %x\n", how, ((uint32_t *)map)[0], ((uint32_t *)map)[SIZE / 4 - 1]);
	for (int i = 0; i < 2; i++) {
		vk->vkDestroyBuffer(gpu->device, buffers[i], NULL);
		vk->vkFreeMemory(gpu->device, memory[i], NULL);
	}
}

int main(void)
{
	struct VolkDeviceTable from_instance, from_device, tables[2];
	struct gpu gpus[2];

	LOADER_CHECK(volkInitialize());
	VkInstance instance = loader_create_instance(vkGetInstanceProcAddr, VK_API_VERSION_1_1);
	volkLoadInstance(instance);
	for (int i = 0; i < 2; i++) {
		gpu_init(&gpus[i], instance, i == 0);
	}
	volkGenLoadDeviceTable(&from_instance, instance, vkGetInstanceProcAddrStub);
	work(&from_instance, &gpus[0], "vkGetInstanceProcAddr", 0x11111111);
	work(&from_instance, &gpus[1], "vkGetInstanceProcAddr, another device", 0x22222222);

	for (int i = 0; i < 2; i++) {
		volkLoadDeviceTable(&tables[i], gpus[i].device);
		work(&tables[i], &gpus[i], "volkLoadDeviceTable", 0x33333333u + 0x11111111u * i);
	}
	/* The global function pointers now belong to the first device. */
	volkLoadDevice(gpus[0].device);
	volkGenLoadDeviceTable(&from_device, gpus[0].device, vkGetDeviceProcAddrStub);
	work(&from_device, &gpus[0], "volkLoadDevice", 0x55555555);
	vkDestroyDevice(gpus[0].device, NULL);
	volkLoadDevice(gpus[1].device);
	vkDestroyDevice(gpus[1].device, NULL);
	vkDestroyInstance(instance, NULL);
	return 0;
}
