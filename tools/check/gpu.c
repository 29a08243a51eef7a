/* SPDX-License-Identifier: MIT */
#include "gpu.h"

#include <string.h>

#include "check.h"
#include "spirv.h"

#define WAIT_NS (UINT64_C(60) * 1000 * 1000 * 1000)
#define GROUP 64 /* invocations in a workgroup */
/* Words of one dispatch: devices allow at least 65,535 workgroups, and 128 MiB of a buffer. */
#define DISPATCH_WORDS (UINT32_C(1) << 20)

struct words_push {
	uint32_t count, first, seed;
};

static void add_features(struct gpu *gpu, VkPhysicalDeviceVulkan13Features *supported_1_3)
{
	VkPhysicalDeviceVulkan12Features supported_1_2 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
	};
	VkPhysicalDeviceFeatures2 supported = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
		.pNext = &supported_1_2,
	};

	if (gpu->vk.properties.apiVersion >= VK_API_VERSION_1_3) {
		supported_1_2.pNext = supported_1_3;
	}
	if (gpu->vk.properties.apiVersion >= VK_API_VERSION_1_2) {
		vkGetPhysicalDeviceFeatures2(gpu->vk.physical, &supported);
		gpu->has_timelines = supported_1_2.timelineSemaphore;
		gpu->has_addresses = supported_1_2.bufferDeviceAddress;
	}
	/* util/ allocates memory for device addresses from 1.2 on. */
	gpu->vk.api_version = gpu->has_addresses ? VK_API_VERSION_1_2 : VK_API_VERSION_1_1;
}

static void query_limits(struct gpu *gpu, bool has_maintenance4)
{
	VkPhysicalDeviceMaintenance4Properties maintenance4 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES,
	};
	VkPhysicalDeviceProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &maintenance4,
	};

	gpu->max_buffer = UINT64_MAX;
	if (has_maintenance4) {
		vkGetPhysicalDeviceProperties2(gpu->vk.physical, &properties);
		gpu->max_buffer = maintenance4.maxBufferSize;
	}
}

/* The family for work, and the family for binds: the same if one has both. */
static void choose_families(const struct gpu *gpu, uint32_t *work, uint32_t *bind)
{
	VkQueueFamilyProperties families[16];
	uint32_t count = 16;

	*work = *bind = UINT32_MAX;
	vkGetPhysicalDeviceQueueFamilyProperties(gpu->vk.physical, &count, families);
	for (uint32_t i = 0; i < count; i++) {
		bool can_work = families[i].queueFlags & VK_QUEUE_COMPUTE_BIT;
		bool can_bind = families[i].queueFlags & VK_QUEUE_SPARSE_BINDING_BIT;
		if (can_work && can_bind) {
			*work = *bind = i;
			return;
		}
		if (can_work && *work == UINT32_MAX) {
			*work = i;
		}
		if (can_bind && *bind == UINT32_MAX) {
			*bind = i;
		}
	}
	if (*work == UINT32_MAX || *bind == UINT32_MAX) {
		check_skip("the device has no queue for %s",
			*bind == UINT32_MAX ? "sparse binding" : "compute");
	}
}

static VkPhysicalDeviceFeatures wanted_features(const VkPhysicalDeviceFeatures *supported)
{
	return (VkPhysicalDeviceFeatures){
		.sparseBinding = supported->sparseBinding,
		.sparseResidencyBuffer = supported->sparseResidencyBuffer,
		.sparseResidencyAliased = supported->sparseResidencyAliased,
		.sparseResidencyImage2D = supported->sparseResidencyImage2D,
		.sparseResidencyImage3D = supported->sparseResidencyImage3D,
	};
}

static void create_device(struct gpu *gpu, uint32_t work, uint32_t bind, bool maintenance4)
{
	const float priority = 1;
	const VkDeviceQueueCreateInfo queues[] = {
		{
			.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
			.queueFamilyIndex = work,
			.queueCount = 1,
			.pQueuePriorities = &priority,
		},
		{
			.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
			.queueFamilyIndex = bind,
			.queueCount = 1,
			.pQueuePriorities = &priority,
		},
	};
	const VkPhysicalDeviceFeatures features = wanted_features(&gpu->features);
	VkPhysicalDeviceVulkan13Features features_1_3 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
		.maintenance4 = maintenance4,
	};
	const VkPhysicalDeviceVulkan12Features features_1_2 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
		.pNext = maintenance4 ? &features_1_3 : NULL,
		.timelineSemaphore = gpu->has_timelines,
		.bufferDeviceAddress = gpu->has_addresses,
	};
	const VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = gpu->vk.properties.apiVersion >= VK_API_VERSION_1_2 ? &features_1_2 : NULL,
		.queueCreateInfoCount = work == bind ? 1 : 2,
		.pQueueCreateInfos = queues,
		.pEnabledFeatures = &features,
	};

	VKU_CHECK(vku_device_create(&gpu->vk, &info));
	vkGetDeviceQueue(gpu->vk.device, bind, 0, &gpu->bind_queue);
}

/* Both shaders have one thread for each word. Binding 0 is the buffer to write. */
static void create_program(struct gpu *gpu, struct vku_program *program, bool copies)
{
	static const enum spv_type push[] = { SPV_U32, SPV_U32, SPV_U32 };
	struct spv s;

	spv_begin(&s, GROUP);
	spv_id to = spv_storage_buffer(&s, 0, SPV_U32);
	spv_id from = copies ? spv_storage_buffer(&s, 1, SPV_U32) : to;
	spv_push_constants(&s, push, 3);
	spv_id i = spv_invocation(&s);
	spv_id inside = spv_if(&s, spv_compare(&s, SpvOpULessThan, i, spv_push_constant(&s, 0)));
	if (copies) {
		spv_write(&s, to, i, spv_read(&s, from, i));
	} else {
		spv_id word = spv_op(&s, SpvOpIAdd, spv_push_constant(&s, 1), i);
		word = spv_op(&s, SpvOpIMul, word, spv_u32(&s, GPU_STEP));
		word = spv_op(&s, SpvOpIAdd, word, spv_push_constant(&s, 2));
		spv_write(&s, to, i, word);
	}
	spv_end_if(&s, inside);
	spv_end(&s);
	vku_program_init(
		&gpu->vk, program, s.code, s.code_size, copies ? 2 : 1, sizeof(struct words_push));
	spv_finish(&s);
}

void gpu_device_init(struct gpu *gpu)
{
	VkPhysicalDeviceVulkan13Features supported_1_3 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
	};
	uint32_t work, bind;

	add_features(gpu, &supported_1_3);
	query_limits(gpu, supported_1_3.maintenance4);
	choose_families(gpu, &work, &bind);
	create_device(gpu, work, bind, supported_1_3.maintenance4);
	create_program(gpu, &gpu->write, false);
	create_program(gpu, &gpu->copy, true);
}

void gpu_init(struct gpu *gpu, const struct survey_choice *choice)
{
	struct vku *vk = &gpu->vk;

	*gpu = (struct gpu){ 0 };
	VKU_CHECK(survey_open(choice, &vk->instance, &vk->physical));
	vkGetPhysicalDeviceProperties(vk->physical, &vk->properties);
	vkGetPhysicalDeviceMemoryProperties(vk->physical, &vk->memory);
	vkGetPhysicalDeviceFeatures(vk->physical, &gpu->features);
	if (!gpu->features.sparseBinding) {
		check_skip("the device has no sparse resources");
	}
	gpu_device_init(gpu);
}

void gpu_device_finish(struct gpu *gpu)
{
	VKU_CHECK(vkDeviceWaitIdle(gpu->vk.device));
	vku_program_finish(&gpu->vk, &gpu->write);
	vku_program_finish(&gpu->vk, &gpu->copy);
	vkDestroyCommandPool(gpu->vk.device, gpu->vk.pool, NULL);
	vku_device_finish(&gpu->vk);
}

void gpu_finish(struct gpu *gpu)
{
	gpu_device_finish(gpu);
	vku_finish(&gpu->vk);
}

bool gpu_has_one_queue(const struct gpu *gpu)
{
	return gpu->bind_queue == gpu->vk.queue;
}

void gpu_wait(struct gpu *gpu, VkFence fence)
{
	VkResult result = vkWaitForFences(gpu->vk.device, 1, &fence, VK_TRUE, WAIT_NS);

	if (result == VK_TIMEOUT) {
		check_fail("a fence is not signaled after a minute");
	}
	vku_check(result, "vkWaitForFences", __FILE__, __LINE__);
}

void gpu_queue_bind(struct gpu *gpu, const VkBindSparseInfo *info, VkFence fence)
{
	VKU_CHECK(vkQueueBindSparse(gpu->bind_queue, 1, info, fence));
}

void gpu_bind(struct gpu *gpu, const VkBindSparseInfo *info)
{
	VkFence fence = vku_create_fence(&gpu->vk);

	gpu_queue_bind(gpu, info, fence);
	gpu_wait(gpu, fence);
	vkDestroyFence(gpu->vk.device, fence, NULL);
}

void gpu_bind_buffer(
	struct gpu *gpu, VkBuffer buffer, const VkSparseMemoryBind *binds, uint32_t count)
{
	const VkSparseBufferMemoryBindInfo buffer_binds = { buffer, count, binds };

	gpu_bind(gpu,
		&(VkBindSparseInfo){
			.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
			.bufferBindCount = 1,
			.pBufferBinds = &buffer_binds,
		});
}

void gpu_submit(struct gpu *gpu, VkCommandBuffer commands)
{
	VkFence fence = vku_create_fence(&gpu->vk);
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &commands,
	};

	vku_barrier(commands);
	VKU_CHECK(vkEndCommandBuffer(commands));
	vku_queue_submit(&gpu->vk, &info, fence);
	gpu_wait(gpu, fence);
	vkDestroyFence(gpu->vk.device, fence, NULL);
	vkFreeCommandBuffers(gpu->vk.device, gpu->vk.pool, 1, &commands);
}

void gpu_prepare_layout(struct gpu *gpu, VkImage image)
{
	const VkImageMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
		.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
		.newLayout = VK_IMAGE_LAYOUT_GENERAL,
		.srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.image = image,
		.subresourceRange = { VK_IMAGE_ASPECT_COLOR_BIT, 0, VK_REMAINING_MIP_LEVELS, 0,
			VK_REMAINING_ARRAY_LAYERS },
	};
	VkCommandBuffer commands = vku_begin(&gpu->vk);

	vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT,
		VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0, NULL, 0, NULL, 1, &barrier);
	gpu_submit(gpu, commands);
}

static void record_words(struct gpu *gpu, VkCommandBuffer commands,
	const struct vku_program *program, VkDescriptorBufferInfo *buffers,
	const struct words_push *push)
{
	VkDescriptorSet set = vku_program_set(&gpu->vk, program, buffers);

	vku_dispatch(commands, program, set, push, (push->count + GROUP - 1) / GROUP);
}

static uint32_t next_words(VkDeviceSize left)
{
	return left / 4 < DISPATCH_WORDS ? (uint32_t)(left / 4) : DISPATCH_WORDS;
}

void gpu_record_write(struct gpu *gpu, VkCommandBuffer commands, VkBuffer buffer,
	VkDeviceSize offset, VkDeviceSize size, uint32_t first, uint32_t seed)
{
	for (VkDeviceSize at = 0; at < size;) {
		uint32_t words = next_words(size - at);
		const struct words_push push = { words, first + (uint32_t)(at / 4), seed };
		VkDescriptorBufferInfo info = { buffer, offset + at, (VkDeviceSize)words * 4 };

		record_words(gpu, commands, &gpu->write, &info, &push);
		at += (VkDeviceSize)words * 4;
	}
}

void gpu_write(struct gpu *gpu, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size,
	uint32_t first, uint32_t seed)
{
	VkCommandBuffer commands = vku_begin(&gpu->vk);

	gpu_record_write(gpu, commands, buffer, offset, size, first, seed);
	gpu_submit(gpu, commands);
	VKU_CHECK(vkResetDescriptorPool(gpu->vk.device, gpu->write.pool, 0));
}

void gpu_read(
	struct gpu *gpu, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size, uint32_t *words)
{
	VkCommandBuffer commands = vku_begin(&gpu->vk);
	struct vku_buffer staging;

	vku_buffer_init(&gpu->vk, &staging, size);
	for (VkDeviceSize at = 0; at < size;) {
		const struct words_push push = { .count = next_words(size - at) };
		VkDescriptorBufferInfo infos[] = {
			{ staging.buffer, at, (VkDeviceSize)push.count * 4 },
			{ buffer, offset + at, (VkDeviceSize)push.count * 4 },
		};

		record_words(gpu, commands, &gpu->copy, infos, &push);
		at += (VkDeviceSize)push.count * 4;
	}
	gpu_submit(gpu, commands);
	VKU_CHECK(vkResetDescriptorPool(gpu->vk.device, gpu->copy.pool, 0));
	memcpy(words, staging.map, size);
	vku_buffer_finish(&gpu->vk, &staging);
}

static VkBuffer create_buffer(struct gpu *gpu, VkDeviceSize size, VkBufferCreateFlags flags)
{
	VkBufferUsageFlags usage = VKU_ALL_BUFFER_USAGE;

	if (gpu->has_addresses) {
		usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
	}
	return vku_create_buffer(&gpu->vk, flags, size, usage);
}

VkBuffer gpu_sparse_buffer(struct gpu *gpu, VkDeviceSize size, VkBufferCreateFlags flags)
{
	return create_buffer(gpu, size, flags | VK_BUFFER_CREATE_SPARSE_BINDING_BIT);
}

VkBufferCreateFlags gpu_residency(const struct gpu *gpu)
{
	return gpu->features.sparseResidencyBuffer ? VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT : 0;
}

VkDeviceMemory gpu_allocate(struct gpu *gpu, VkDeviceSize size, uint32_t type)
{
	const VkMemoryAllocateFlagsInfo flags = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
		.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
	};
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = gpu->has_addresses ? &flags : NULL,
		.allocationSize = size,
		.memoryTypeIndex = type,
	};
	VkDeviceMemory memory;
	VkResult result = vkAllocateMemory(gpu->vk.device, &info, NULL, &memory);

	if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY) {
		check_skip("the device has no %llu MiB of free memory",
			(unsigned long long)(size >> 20));
	}
	vku_check(result, "vkAllocateMemory", __FILE__, __LINE__);
	return memory;
}

/* The first type of the allowed ones that any application may use. */
static uint32_t choose_type(const struct gpu *gpu, uint32_t allowed)
{
	const VkMemoryPropertyFlags special = VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT |
		VK_MEMORY_PROPERTY_PROTECTED_BIT | VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD;
	const VkMemoryType *types = gpu->vk.memory.memoryTypes;

	for (uint32_t i = 0; i < gpu->vk.memory.memoryTypeCount; i++) {
		if ((allowed & 1u << i) && !(types[i].propertyFlags & special)) {
			return i;
		}
	}
	check_skip("no memory type suits both sparse resources and plain buffers");
}

void pool_init(struct gpu *gpu, struct pool *pool, const VkMemoryRequirements *requirements,
	uint32_t pages)
{
	VkDeviceSize size = pages * requirements->alignment;

	*pool = (struct pool){ .page = requirements->alignment, .pages = pages };
	pool->view = create_buffer(gpu, size, 0);
	VkMemoryRequirements plain = vku_buffer_requirements(&gpu->vk, pool->view);
	uint32_t types = plain.memoryTypeBits & requirements->memoryTypeBits;
	if (size < plain.size) {
		size = plain.size;
	}
	pool->memory = gpu_allocate(gpu, size, choose_type(gpu, types));
	VKU_CHECK(vkBindBufferMemory(gpu->vk.device, pool->view, pool->memory, 0));
}

void pool_finish(struct gpu *gpu, struct pool *pool)
{
	vkDestroyBuffer(gpu->vk.device, pool->view, NULL);
	vkFreeMemory(gpu->vk.device, pool->memory, NULL);
	*pool = (struct pool){ 0 };
}
