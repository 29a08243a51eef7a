// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <dlfcn.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vk.h>

/*
 * Sparse resources on the real kernel. The program creates a sparse resource, binds memory, unbinds
 * it and destroys the resource. After each step it waits for the GPU and sets a mark. The mark
 * names the expected state. The program checks only the VkResults. The preloaded library (trace.c)
 * records the ioctls and the kernel's mappings; tests/qemu/cases_panthor.py judges them.
 *
 *	create SIZE ADDRESS             sizes in bytes; ADDRESS is 0 for an image
 *	bind OFFSET SIZE MEMORY_OFFSET  the program has one memory object
 *	bind-block SIZE                 the driver chooses the offset
 *	unbind OFFSET SIZE
 *	destroy
 */

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define BLOCK (64 * KIB)
#define MEMORY_SIZE MIB
#define IMAGE_EDGE 4096
#define TIMEOUT_NS UINT64_C(60000000000)
/* Exit status if the driver has no sparse binding. */
#define EXIT_NO_SPARSE 3

struct sparse {
	struct vku vk;
	uint32_t bind_family;
	VkQueue bind_queue;
	VkDeviceMemory memory;
	VkFence fence;
};

static void mark(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void mark(const char *format, ...)
{
	int (*set)(const char *) = (int (*)(const char *))dlsym(RTLD_DEFAULT, "vmbind_sim_mark");
	va_list arguments;
	char text[128];
	int err;

	if (!set) {
		return;
	}
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	err = set(text);
	if (err) {
		vku_fail("mark: %s", strerror(-err));
	}
}

/* Returns the first queue family with all of the flags; ends the program if there is none. */
static uint32_t find_family(const struct vku *vk, VkQueueFlags flags)
{
	VkQueueFamilyProperties families[8];
	uint32_t count = 8;

	vkGetPhysicalDeviceQueueFamilyProperties(vk->physical, &count, families);
	for (uint32_t i = 0; i < count; i++) {
		if ((families[i].queueFlags & flags) == flags) {
			return i;
		}
	}
	vku_fail("no queue family with flags %#x", flags);
}

static VkPhysicalDeviceFeatures sparse_features(const struct vku *vk)
{
	VkPhysicalDeviceFeatures features;

	vkGetPhysicalDeviceFeatures(vk->physical, &features);
	printf("sparseBinding %u, sparseResidencyBuffer %u, sparseResidencyImage2D %u, "
	       "sparseResidencyAliased %u, sparseAddressSpaceSize %" PRIu64 "\n",
		features.sparseBinding, features.sparseResidencyBuffer,
		features.sparseResidencyImage2D, features.sparseResidencyAliased,
		vk->properties.limits.sparseAddressSpaceSize);
	if (!features.sparseBinding || !features.sparseResidencyBuffer) {
		exit(EXIT_NO_SPARSE);
	}
	return (VkPhysicalDeviceFeatures){
		.sparseBinding = VK_TRUE,
		.sparseResidencyBuffer = VK_TRUE,
		.sparseResidencyImage2D = features.sparseResidencyImage2D,
	};
}

static void create_device(struct sparse *s)
{
	static const float priority = 1;
	VkPhysicalDeviceBufferDeviceAddressFeatures addresses = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES,
		.bufferDeviceAddress = VK_TRUE,
	};
	VkPhysicalDeviceFeatures features = sparse_features(&s->vk);
	VkDeviceQueueCreateInfo queues[2];
	VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = &addresses,
		.pQueueCreateInfos = queues,
		.pEnabledFeatures = &features,
	};

	s->vk.queue_family = find_family(&s->vk, VK_QUEUE_COMPUTE_BIT);
	s->bind_family = find_family(&s->vk, VK_QUEUE_SPARSE_BINDING_BIT);
	info.queueCreateInfoCount = s->bind_family == s->vk.queue_family ? 1 : 2;
	for (uint32_t i = 0; i < info.queueCreateInfoCount; i++) {
		queues[i] = (VkDeviceQueueCreateInfo){
			.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
			.queueFamilyIndex = i ? s->bind_family : s->vk.queue_family,
			.queueCount = 1,
			.pQueuePriorities = &priority,
		};
	}
	VKU_CHECK(vku_device_create(&s->vk, &info));
	vkGetDeviceQueue(s->vk.device, s->bind_family, 0, &s->bind_queue);
}

static void init(struct sparse *s)
{
	vku_instance_init(&s->vk, &(struct vku_options){ .name = "vmbind-vm-sparse" });
	printf("%s, driver %#x\n", s->vk.properties.deviceName, s->vk.properties.driverVersion);
	create_device(s);
	s->fence = vku_create_fence(&s->vk);
	s->memory = vku_allocate(&s->vk, MEMORY_SIZE, UINT32_MAX);
}

static void finish(struct sparse *s)
{
	vkFreeMemory(s->vk.device, s->memory, NULL);
	vkDestroyFence(s->vk.device, s->fence, NULL);
	vku_finish(&s->vk);
}

static void wait_for_fence(struct sparse *s)
{
	VKU_CHECK(vkWaitForFences(s->vk.device, 1, &s->fence, VK_TRUE, TIMEOUT_NS));
	VKU_CHECK(vkResetFences(s->vk.device, 1, &s->fence));
}

static void bind_and_wait(struct sparse *s, const VkBindSparseInfo *info)
{
	VKU_CHECK(vkQueueBindSparse(s->bind_queue, 1, info, s->fence));
	wait_for_fence(s);
}

static void bind_buffer(struct sparse *s, VkBuffer buffer, VkSparseMemoryBind bind)
{
	VkSparseBufferMemoryBindInfo buffer_bind = { buffer, 1, &bind };

	bind_and_wait(s,
		&(VkBindSparseInfo){
			.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
			.bufferBindCount = 1,
			.pBufferBinds = &buffer_bind,
		});
}

static void bind_memory(
	struct sparse *s, VkBuffer buffer, uint64_t offset, uint64_t size, uint64_t memory_offset)
{
	bind_buffer(s, buffer,
		(VkSparseMemoryBind){
			.resourceOffset = offset,
			.size = size,
			.memory = s->memory,
			.memoryOffset = memory_offset,
		});
	mark("bind %" PRIu64 " %" PRIu64 " %" PRIu64, offset, size, memory_offset);
}

static void unbind(struct sparse *s, VkBuffer buffer, uint64_t offset, uint64_t size)
{
	bind_buffer(s, buffer, (VkSparseMemoryBind){ .resourceOffset = offset, .size = size });
	mark("unbind %" PRIu64 " %" PRIu64, offset, size);
}

static VkBuffer create_buffer(struct sparse *s, uint64_t size)
{
	VkBuffer buffer;

	mark("start");
	buffer = vku_create_buffer(&s->vk,
		VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT, size,
		VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT);
	mark("create %" PRIu64 " %" PRIu64, size, (uint64_t)vku_buffer_address(&s->vk, buffer));
	return buffer;
}

static void destroy_buffer(struct sparse *s, VkBuffer buffer)
{
	vkDestroyBuffer(s->vk.device, buffer, NULL);
	mark("destroy");
}

static void run_buffer(struct sparse *s)
{
	VkBuffer buffer = create_buffer(s, 8 * MIB);

	bind_memory(s, buffer, 6 * MIB, BLOCK, 0);
	unbind(s, buffer, 0, 8 * MIB);
	destroy_buffer(s, buffer);
}

/* A bind signals a semaphore, and a submission to the other queue waits for it. */
static void bind_and_submit(struct sparse *s, VkBuffer buffer, uint64_t offset)
{
	static const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	VkSemaphore semaphore = vku_create_semaphore(&s->vk);
	VkSparseMemoryBind bind = { .resourceOffset = offset, .size = BLOCK, .memory = s->memory };
	VkSparseBufferMemoryBindInfo buffer_bind = { buffer, 1, &bind };
	VkBindSparseInfo info = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.bufferBindCount = 1,
		.pBufferBinds = &buffer_bind,
		.signalSemaphoreCount = 1,
		.pSignalSemaphores = &semaphore,
	};
	VkSubmitInfo submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.waitSemaphoreCount = 1,
		.pWaitSemaphores = &semaphore,
		.pWaitDstStageMask = &stage,
	};

	VKU_CHECK(vkQueueBindSparse(s->bind_queue, 1, &info, VK_NULL_HANDLE));
	VKU_CHECK(vkQueueSubmit(s->vk.queue, 1, &submit, s->fence));
	wait_for_fence(s);
	mark("bind %" PRIu64 " %" PRIu64 " 0", offset, BLOCK);
	vkDestroySemaphore(s->vk.device, semaphore, NULL);
}

static void run_large(struct sparse *s)
{
	VkBuffer buffer = create_buffer(s, GIB);

	bind_memory(s, buffer, 0, BLOCK, 0);
	bind_memory(s, buffer, 300 * MIB + BLOCK, 3 * BLOCK, 2 * BLOCK);
	bind_memory(s, buffer, GIB - BLOCK, BLOCK, 15 * BLOCK);
	bind_and_submit(s, buffer, 700 * MIB);
	unbind(s, buffer, 300 * MIB + 2 * BLOCK, BLOCK);
	bind_memory(s, buffer, 0, 2 * BLOCK, 8 * BLOCK);
	unbind(s, buffer, 0, GIB);
	destroy_buffer(s, buffer);
}

static VkSparseImageMemoryRequirements color_requirements(struct sparse *s, VkImage image)
{
	VkSparseImageMemoryRequirements requirements[4];
	uint32_t count = 4;

	vkGetImageSparseMemoryRequirements(s->vk.device, image, &count, requirements);
	for (uint32_t i = 0; i < count; i++) {
		if (requirements[i].formatProperties.aspectMask & VK_IMAGE_ASPECT_COLOR_BIT) {
			return requirements[i];
		}
	}
	vku_fail("the image has no sparse blocks");
}

static void bind_image(struct sparse *s, VkImage image, VkOffset3D offset, VkExtent3D extent,
	VkDeviceMemory memory)
{
	VkSparseImageMemoryBind bind = {
		.subresource.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT,
		.offset = offset,
		.extent = extent,
		.memory = memory,
	};
	VkSparseImageMemoryBindInfo image_bind = { image, 1, &bind };

	bind_and_wait(s,
		&(VkBindSparseInfo){
			.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
			.imageBindCount = 1,
			.pImageBinds = &image_bind,
		});
}

static void run_image(struct sparse *s)
{
	const VkExtent3D whole = { IMAGE_EDGE, IMAGE_EDGE, 1 };
	VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT | VK_IMAGE_CREATE_SPARSE_RESIDENCY_BIT,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = whole,
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	VkMemoryRequirements requirements;
	VkExtent3D block;
	VkOffset3D offset;
	VkImage image;

	mark("start");
	VKU_CHECK(vkCreateImage(s->vk.device, &info, NULL, &image));
	vkGetImageMemoryRequirements(s->vk.device, image, &requirements);
	mark("create %" PRIu64 " 0", requirements.size);

	block = color_requirements(s, image).formatProperties.imageGranularity;
	offset = (VkOffset3D){ 3 * (int)block.width, 5 * (int)block.height, 0 };
	bind_image(s, image, offset, block, s->memory);
	mark("bind-block %" PRIu64, BLOCK);
	bind_image(s, image, (VkOffset3D){ 0 }, whole, VK_NULL_HANDLE);
	mark("unbind 0 %" PRIu64, requirements.size);
	vkDestroyImage(s->vk.device, image, NULL);
	mark("destroy");
}

static const struct {
	const char *name;
	void (*run)(struct sparse *s);
} workloads[] = {
	{ "buffer", run_buffer },
	{ "image", run_image },
	{ "large", run_large },
};

int main(int argc, char **argv)
{
	struct sparse s = { 0 };

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc == 2 && i < sizeof(workloads) / sizeof(workloads[0]); i++) {
		if (strcmp(argv[1], workloads[i].name) == 0) {
			init(&s);
			workloads[i].run(&s);
			finish(&s);
			return 0;
		}
	}
	fprintf(stderr, "usage: vmbind-vm-sparse buffer|image|large\n");
	return 2;
}
