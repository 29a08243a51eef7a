/* SPDX-License-Identifier: MIT */
#include "application.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "vk.h"

#define KIB ((VkDeviceSize)1 << 10)
#define MIB ((VkDeviceSize)1 << 20)

#define STAGING (4 * MIB)
#define SMALL_SIZE (64 * KIB)
#define LARGE_SIZE (40 * MIB) /* freed at once, not cached */
#define SPARSE_SIZE (1024 * MIB)
#define SMALL_COUNT 4
#define SIDE 256
#define TIMEOUT_NS UINT64_C(20000000000)

/* Bits of the permitted errors. */
enum {
	HOST = 1,
	MEMORY = 2, /* VK_ERROR_OUT_OF_DEVICE_MEMORY */
	LOST = 4,
	INITIALIZATION = 8,
};

struct state {
	struct vku vk;
	bool may_fail;
	enum outcome outcome;
	VkBuffer staging;
	VkDeviceMemory staging_memory;
	uint32_t *words; /* of the staging buffer */
	VkDeviceMemory small[SMALL_COUNT];
	uint32_t *small_words[SMALL_COUNT];
	VkDeviceMemory large;
	uint32_t *large_words;
	VkBuffer sparse;
	VkDeviceSize page;
	uint32_t sparse_types;
	VkImage image;
	VkDeviceMemory image_memory;
	uint32_t *image_words;
	VkFence fence;
	VkSemaphore timeline;
};

static bool permits(int permitted, VkResult result)
{
	return ((permitted & HOST) && result == VK_ERROR_OUT_OF_HOST_MEMORY) ||
		((permitted & MEMORY) && result == VK_ERROR_OUT_OF_DEVICE_MEMORY) ||
		((permitted & LOST) && result == VK_ERROR_DEVICE_LOST) ||
		((permitted & INITIALIZATION) && result == VK_ERROR_INITIALIZATION_FAILED);
}

/* Returns whether the call succeeded. The first failure of a run must be permitted. */
static bool judge(struct state *s, int permitted, VkResult result, const char *call)
{
	if (result == VK_SUCCESS) {
		return true;
	}
	if (!s->may_fail) {
		vku_fail("%s without a fault: %s", vku_result_name(result), call);
	}
	if (!permits(permitted, result)) {
		vku_fail("%s is not permitted: %s", vku_result_name(result), call);
	}
	s->may_fail = false;
	s->outcome = result == VK_ERROR_DEVICE_LOST ? OUTCOME_LOST : OUTCOME_ERROR;
	return false;
}

/* Repeats a failed call, unless the device is lost. False: the device is lost. */
#define TRY(permitted, call) \
	(judge(s, permitted, call, #call) || \
		(s->outcome != OUTCOME_LOST && judge(s, 0, call, #call)))

static bool allocate(struct state *s, VkDeviceSize size, uint32_t allowed, VkDeviceMemory *memory,
	uint32_t **words)
{
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = size,
		.memoryTypeIndex = vku_memory_type(&s->vk, allowed,
			VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT),
	};

	if (!TRY(HOST | MEMORY, vkAllocateMemory(s->vk.device, &info, NULL, memory))) {
		return false;
	}
	*words = vku_map(&s->vk, *memory);
	return true;
}

static bool create_staging(struct state *s)
{
	s->staging = vku_create_buffer(&s->vk, 0, STAGING, VKU_ALL_BUFFER_USAGE);
	uint32_t types = vku_buffer_requirements(&s->vk, s->staging).memoryTypeBits;
	if (!allocate(s, STAGING, types, &s->staging_memory, &s->words)) {
		return false;
	}
	VKU_CHECK(vkBindBufferMemory(s->vk.device, s->staging, s->staging_memory, 0));
	return true;
}

static VkResult create_device(struct vku *vk, bool sparse)
{
	VkPhysicalDeviceVulkan12Features in_1_2 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
		.timelineSemaphore = VK_TRUE,
	};
	const VkPhysicalDeviceFeatures2 features = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
		.pNext = &in_1_2,
		.features = { .sparseBinding = sparse, .sparseResidencyBuffer = sparse },
	};
	const float priority = 1;
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	const VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = &features,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
	};

	return vku_device_create(vk, &info);
}

static bool allocate_all(struct state *s)
{
	for (uint32_t i = 0; i < SMALL_COUNT; i++) {
		if (!allocate(s, SMALL_SIZE, s->sparse_types, &s->small[i], &s->small_words[i])) {
			return false;
		}
		for (uint32_t j = 0; j < SMALL_SIZE / 4; j++) {
			s->small_words[i][j] = 0x1000 * (i + 1) + j;
		}
	}
	if (!allocate(s, LARGE_SIZE, s->sparse_types, &s->large, &s->large_words)) {
		return false;
	}
	for (uint32_t j = 0; j < 2 * SMALL_SIZE / 4; j++) {
		s->large_words[j] = 0x9000000 + j;
	}
	return true;
}

static bool create_sparse(struct state *s)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.flags = VK_BUFFER_CREATE_SPARSE_BINDING_BIT |
			VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT,
		.size = SPARSE_SIZE,
		.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};

	if (!TRY(HOST | MEMORY, vkCreateBuffer(s->vk.device, &info, NULL, &s->sparse))) {
		return false;
	}
	VkMemoryRequirements requirements = vku_buffer_requirements(&s->vk, s->sparse);
	s->page = requirements.alignment;
	s->sparse_types = requirements.memoryTypeBits;
	return true;
}

/* The GPU copies a page of the sparse buffer, and the page must hold the words. NULL: zeros. */
static void expect_page(struct state *s, VkDeviceSize page, const uint32_t *words)
{
	memset(s->words, 0xee, s->page);
	vku_copy(&s->vk, s->sparse, page * s->page, s->staging, 0, s->page);
	for (uint32_t i = 0; i < s->page / 4; i++) {
		uint32_t word = words ? words[i] : 0;
		if (s->words[i] != word) {
			vku_fail("page %u, word %u: 0x%x, not 0x%x", (unsigned)page, i, s->words[i],
				word);
		}
	}
}

static VkSparseMemoryBind bind_of(
	const struct state *s, VkDeviceSize page, VkDeviceMemory memory, VkDeviceSize offset)
{
	return (VkSparseMemoryBind){
		.resourceOffset = page * s->page,
		.size = s->page,
		.memory = memory,
		.memoryOffset = offset,
	};
}

static VkResult wait_for_fence(const struct state *s)
{
	VkResult result = vkWaitForFences(s->vk.device, 1, &s->fence, VK_TRUE, TIMEOUT_NS);

	if (result == VK_TIMEOUT) {
		vku_fail("the fence of a bind is never signaled");
	}
	return result;
}

/* A failed call does not signal its fence. */
static VkResult queue_bind(struct state *s, const VkBindSparseInfo *info)
{
	VkResult result = vkQueueBindSparse(s->vk.queue, 1, info, s->fence);

	if (result != VK_SUCCESS && vkGetFenceStatus(s->vk.device, s->fence) == VK_SUCCESS) {
		vku_fail("vkQueueBindSparse failed and signaled its fence");
	}
	return result;
}

/* wait_for_host: the bind waits for a semaphore that the host signals after the call. */
static bool bind(
	struct state *s, const VkSparseMemoryBind *binds, uint32_t count, bool wait_for_host)
{
	uint64_t value = vku_timeline_value(&s->vk, s->timeline) + 1;
	const uint64_t signal_value = value + 1;
	const VkTimelineSemaphoreSubmitInfo values = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = 1,
		.pWaitSemaphoreValues = &value,
		.signalSemaphoreValueCount = 1,
		.pSignalSemaphoreValues = &signal_value,
	};
	const VkSparseBufferMemoryBindInfo buffer = { s->sparse, count, binds };
	const VkSparseImageOpaqueMemoryBindInfo image = { s->image, count, binds };
	const VkBindSparseInfo info = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.pNext = wait_for_host ? &values : NULL,
		.waitSemaphoreCount = wait_for_host,
		.pWaitSemaphores = &s->timeline,
		.signalSemaphoreCount = wait_for_host,
		.pSignalSemaphores = &s->timeline,
		.bufferBindCount = !s->image,
		.pBufferBinds = &buffer,
		.imageOpaqueBindCount = s->image ? 1 : 0,
		.pImageOpaqueBinds = &image,
	};

	if (!TRY(HOST | MEMORY | LOST, queue_bind(s, &info))) {
		return false;
	}
	if (wait_for_host) {
		vku_signal(&s->vk, s->timeline, value);
	}
	if (!judge(s, LOST, wait_for_fence(s), "vkWaitForFences")) {
		return false;
	}
	VKU_CHECK(vkResetFences(s->vk.device, 1, &s->fence));
	return true;
}

static bool bind_pages(struct state *s)
{
	const VkDeviceSize last = SPARSE_SIZE / s->page - 1;
	const VkSparseMemoryBind now[] = {
		bind_of(s, 1, s->small[0], 0),
		bind_of(s, 3, s->small[1], 0),
		bind_of(s, last, s->large, 0),
	};
	const VkSparseMemoryBind later[] = {
		bind_of(s, 1, VK_NULL_HANDLE, 0),
		bind_of(s, 3, s->small[2], 0),
		bind_of(s, 7, s->large, s->page),
	};

	if (!bind(s, now, 3, false)) {
		return false;
	}
	expect_page(s, 1, s->small_words[0]);
	expect_page(s, 3, s->small_words[1]);
	expect_page(s, last, s->large_words);
	if (!bind(s, later, 3, true)) {
		return false;
	}
	expect_page(s, 1, NULL);
	expect_page(s, 3, s->small_words[2]);
	expect_page(s, 7, s->large_words + s->page / 4);
	expect_page(s, last, s->large_words);
	const VkSparseMemoryBind unbind = bind_of(s, last, VK_NULL_HANDLE, 0);
	if (!bind(s, &unbind, 1, false)) {
		return false;
	}
	expect_page(s, last, NULL);
	return true;
}

static bool create_image(struct state *s)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { SIDE, SIDE, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.tiling = VK_IMAGE_TILING_OPTIMAL,
		.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	VkMemoryRequirements requirements;

	if (!TRY(HOST | MEMORY, vkCreateImage(s->vk.device, &info, NULL, &s->image))) {
		return false;
	}
	vkGetImageMemoryRequirements(s->vk.device, s->image, &requirements);
	VkSparseMemoryBind whole = { .size = requirements.size };
	if (!allocate(s, requirements.size, requirements.memoryTypeBits, &s->image_memory,
		    &s->image_words)) {
		return false;
	}
	whole.memory = s->image_memory;
	return bind(s, &whole, 1, false);
}

static void copy_image(struct state *s)
{
	const VkBufferImageCopy region = {
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
		.imageExtent = { SIDE, SIDE, 1 },
	};
	const VkImageMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
		.dstAccessMask = VK_ACCESS_MEMORY_WRITE_BIT | VK_ACCESS_MEMORY_READ_BIT,
		.newLayout = VK_IMAGE_LAYOUT_GENERAL,
		.srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.image = s->image,
		.subresourceRange = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 },
	};
	VkBufferImageCopy back = region;
	back.bufferOffset = STAGING / 2;

	for (uint32_t i = 0; i < SIDE * SIDE; i++) {
		s->words[i] = 0x5000000 + i;
	}
	VkCommandBuffer commands = vku_begin(&s->vk);
	vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
		VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, NULL, 0, NULL, 1, &barrier);
	vkCmdCopyBufferToImage(commands, s->staging, s->image, VK_IMAGE_LAYOUT_GENERAL, 1, &region);
	vku_barrier(commands);
	vkCmdCopyImageToBuffer(commands, s->image, VK_IMAGE_LAYOUT_GENERAL, s->staging, 1, &back);
	vku_barrier(commands);
	vku_submit(&s->vk, commands);
	if (memcmp(s->words, (char *)s->words + STAGING / 2, (size_t)4 * SIDE * SIDE) != 0) {
		vku_fail("the sparse image does not hold its data");
	}
	/* The driver chooses the order of the texels. */
	for (uint32_t i = 0; i < SIDE * SIDE; i++) {
		if (s->image_words[i] >> 24 != 5) {
			vku_fail("the memory of the sparse image does not hold its data");
		}
	}
}

/* A child process has a copy of the memory. Its writes do not change the memory here. */
static void fork_child(const struct state *s)
{
	uint32_t before = s->small_words[3][5];
	int status = 0;

	/* The child's mappings are made in the handlers of fork(), which cannot report an error. */
	bool is_armed = atomic_exchange(&calls->is_armed, false);
	pid_t child = fork();
	if (child == 0) {
		s->small_words[3][5] = before + 1;
		_exit(0);
	}
	if (child > 0 && waitpid(child, &status, 0) != child) {
		status = -1;
	}
	atomic_store(&calls->is_armed, is_armed);
	if (child < 0 || status != 0) {
		vku_fail("the child process ended with status 0x%x", (unsigned)status);
	}
	if (s->small_words[3][5] != before) {
		vku_fail("the child process wrote to the memory of its parent");
	}
}

/* Memory of each size is freed and allocated again. */
static bool allocate_again(struct state *s)
{
	for (uint32_t i = 0; i < SMALL_COUNT; i++) {
		vkFreeMemory(s->vk.device, s->small[i], NULL);
		s->small[i] = VK_NULL_HANDLE;
	}
	vkFreeMemory(s->vk.device, s->large, NULL);
	s->large = VK_NULL_HANDLE;
	return allocate_all(s);
}

static bool run_sparse(struct state *s)
{
	if (!create_sparse(s) || !allocate_all(s) || !create_staging(s) || !bind_pages(s)) {
		return false;
	}
	fork_child(s);
	if (!create_image(s)) {
		return false;
	}
	copy_image(s);
	return allocate_again(s);
}

/* On a lost device all waits end. */
static void check_lost(struct state *s)
{
	if (vkDeviceWaitIdle(s->vk.device) != VK_ERROR_DEVICE_LOST ||
		vkQueueWaitIdle(s->vk.queue) != VK_ERROR_DEVICE_LOST) {
		vku_fail("a wait on the lost device does not report the loss");
	}
}

static void destroy(struct state *s)
{
	VkDevice device = s->vk.device;

	vkDestroyFence(device, s->fence, NULL);
	vkDestroySemaphore(device, s->timeline, NULL);
	vkDestroyImage(device, s->image, NULL);
	vkDestroyBuffer(device, s->sparse, NULL);
	vkDestroyBuffer(device, s->staging, NULL);
	vkFreeMemory(device, s->image_memory, NULL);
	vkFreeMemory(device, s->staging_memory, NULL);
	vkFreeMemory(device, s->large, NULL);
	for (uint32_t i = 0; i < SMALL_COUNT; i++) {
		vkFreeMemory(device, s->small[i], NULL);
	}
	vku_finish(&s->vk);
}

static void run_native(struct state *s)
{
	if (!s->may_fail) {
		vku_fail("the device has no sparse resources, without a fault");
	}
	s->may_fail = false;
	s->outcome = OUTCOME_NATIVE;
	create_staging(s);
	vku_fill(&s->vk, s->staging, 0, STAGING, 0x77);
	if (s->words[0] != 0x77 || s->words[STAGING / 4 - 1] != 0x77) {
		vku_fail("the buffer does not hold its data");
	}
}

enum outcome application_run(bool may_fail)
{
	struct state state = { .may_fail = may_fail, .outcome = OUTCOME_UNNOTICED };
	struct state *s = &state;
	VkPhysicalDeviceFeatures features;

	/* No fault keeps an application from its instance. */
	vku_instance_init(&s->vk, &(struct vku_options){ 0 });
	vkGetPhysicalDeviceFeatures(s->vk.physical, &features);
	bool sparse = features.sparseBinding;
	(void)TRY(HOST | MEMORY | INITIALIZATION, create_device(&s->vk, sparse));
	s->fence = vku_create_fence(&s->vk);
	s->timeline = vku_create_timeline(&s->vk, 0);
	if (!sparse) {
		run_native(s);
	} else if (!run_sparse(s)) {
		check_lost(s);
	}
	destroy(s);
	return s->outcome;
}
