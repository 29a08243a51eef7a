/* SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "mark.h"
#include "sync.h"

/*
 * Sparse resources on a driver that has none, over the simulated kernel. provide.py checks the op
 * stream of each scenario by the scenario's name. The op stream contains these marks:
 *
 *   begin NAME
 *   memory ID                the BO created before the next mark is memory ID
 *   create, bind, signal, destroy, done     the next step of the program
 *   failed                 the step has failed, and no page may be mapped
 *   shows ADDRESS SIZE sparse | shows ADDRESS SIZE ID OFFSET    the expected map of the range
 */

#define PAGE UINT64_C(4096)
#define MIB (UINT64_C(1) << 20)
#define SIZE (64 * MIB)

/* A sparse buffer with its address, and memory. memory[i] has the number i + 1 in the marks. */
struct scene {
	const struct vku *vk;
	VkBuffer buffer;
	VkDeviceAddress address;
	VkDeviceMemory memory[2];
	VkFence fence;
};

static VkBuffer create_buffer(const struct vku *vk, VkDeviceSize size)
{
	mark("create");
	return vku_create_buffer(vk, ICD_RESIDENT_BUFFER, size,
		VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT);
}

static struct scene begin(void **state, const char *name)
{
	struct scene scene = { .vk = *state };

	mark("begin %s", name);
	for (unsigned i = 0; i < COUNT(scene.memory); i++) {
		mark("memory %u", i + 1);
		scene.memory[i] = vku_allocate(scene.vk, MIB, ~0u);
	}
	scene.buffer = create_buffer(scene.vk, SIZE);
	scene.address = vku_buffer_address(scene.vk, scene.buffer);
	scene.fence = vku_create_fence(scene.vk);
	mark("shows %llu %llu sparse", (unsigned long long)scene.address, (unsigned long long)SIZE);
	return scene;
}

static void end(struct scene *scene)
{
	mark("destroy");
	vkDestroyBuffer(scene->vk->device, scene->buffer, NULL);
	vkDestroyFence(scene->vk->device, scene->fence, NULL);
	for (unsigned i = 0; i < COUNT(scene->memory); i++) {
		vkFreeMemory(scene->vk->device, scene->memory[i], NULL);
	}
	mark("done");
}

static void shows_sparse(const struct scene *scene, VkDeviceSize offset, VkDeviceSize size)
{
	mark("shows %llu %llu sparse", (unsigned long long)(scene->address + offset),
		(unsigned long long)size);
}

static void shows_memory(
	const struct scene *scene, VkDeviceSize offset, VkDeviceSize size, unsigned memory)
{
	mark("shows %llu %llu %u 0", (unsigned long long)(scene->address + offset),
		(unsigned long long)size, memory);
}

/* memory: a number, or 0 for VK_NULL_HANDLE. */
static struct icd_batch bind_of(
	const struct scene *scene, VkDeviceSize offset, VkDeviceSize size, unsigned memory)
{
	struct icd_batch batch = { .buffer = scene->buffer, .bind_count = 1 };

	batch.binds[0] = (VkSparseMemoryBind){
		.resourceOffset = offset,
		.size = size,
		.memory = memory ? scene->memory[memory - 1] : VK_NULL_HANDLE,
	};
	return batch;
}

static void bind_with_fence(struct scene *scene, struct icd_batch batch)
{
	batch.fence = scene->fence;
	mark("bind");
	icd_bind(scene->vk, &batch);
	icd_wait_fence(scene->vk, scene->fence);
}

static void features(void **state)
{
	const struct vku *vk = *state;
	const VkPhysicalDeviceLimits *limits = &vk->properties.limits;
	VkPhysicalDeviceFeatures has;

	mark("begin features");
	vkGetPhysicalDeviceFeatures(vk->physical, &has);
	EXPECT(has.sparseBinding && has.sparseResidencyBuffer);
	EXPECT(!has.sparseResidencyImage2D && !has.shaderResourceResidency);
	/* panvk 26.1 and 26.2 do not report it on this hardware. */
	EXPECT(!has.sparseResidencyAliased);
	/* panvk 25.0.7 uses addresses below 4 GiB, and needs some for itself. */
	EXPECT(limits->sparseAddressSpaceSize > UINT64_C(3) << 30);
	EXPECT(limits->sparseAddressSpaceSize < UINT64_C(4) << 30);
}

/* Buffers fit up to sparseAddressSpaceSize and then fail. Destroying them frees the space. */
static void address_space(void **state)
{
	const struct vku *vk = *state;
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.flags = VK_BUFFER_CREATE_SPARSE_BINDING_BIT,
		.size = 256 * MIB,
		.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	uint64_t reported = vk->properties.limits.sparseAddressSpaceSize / info.size;
	VkBuffer buffers[17];

	mark("begin address_space");
	for (unsigned round = 0; round < 2; round++) {
		VkResult result = VK_SUCCESS;
		size_t count = 0;
		while (count < COUNT(buffers) && result == VK_SUCCESS) {
			result = vkCreateBuffer(vk->device, &info, NULL, &buffers[count]);
			count += result == VK_SUCCESS;
		}
		EXPECT_RESULT(result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
		EXPECT(count >= reported);
		while (count > 0) {
			vkDestroyBuffer(vk->device, buffers[--count], NULL);
		}
	}
	mark("done");
}

static void gibibyte(void **state)
{
	const struct vku *vk = *state;

	mark("begin gibibyte");
	VkBuffer buffer = create_buffer(vk, 1024 * MIB);
	mark("shows %llu %llu sparse", (unsigned long long)vku_buffer_address(vk, buffer),
		(unsigned long long)(1024 * MIB));
	mark("destroy");
	vkDestroyBuffer(vk->device, buffer, NULL);
	mark("done");
}

static void image(void **state)
{
	const struct vku *vk = *state;
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { 1000, 1000, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.tiling = VK_IMAGE_TILING_OPTIMAL,
		.usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	VkMemoryRequirements requirements;
	VkImage created;

	mark("begin image");
	mark("memory 1");
	VkDeviceMemory memory = vku_allocate(vk, MIB, ~0u);
	mark("create");
	VKU_CHECK(vkCreateImage(vk->device, &info, NULL, &created));
	vkGetImageMemoryRequirements(vk->device, created, &requirements);
	EXPECT(requirements.size % requirements.alignment == 0);
	mark("size %llu", (unsigned long long)requirements.size);
	const VkSparseMemoryBind binds[] = {
		{ .resourceOffset = requirements.alignment,
			.size = requirements.alignment,
			.memory = memory,
			.memoryOffset = requirements.alignment },
		{ .resourceOffset = requirements.alignment, .size = requirements.alignment },
	};
	for (size_t i = 0; i < COUNT(binds); i++) {
		mark("bind");
		vku_bind_image(vk, created, &binds[i], 1);
	}
	mark("destroy");
	vkDestroyImage(vk->device, created, NULL);
	vkFreeMemory(vk->device, memory, NULL);
	mark("done");
}

static void plain(void **state)
{
	struct scene scene = begin(state, "plain");
	size_t before = icd_count_threads();

	bind_with_fence(&scene, bind_of(&scene, MIB, MIB, 1));
	shows_memory(&scene, MIB, MIB, 1);
	bind_with_fence(&scene, bind_of(&scene, MIB, MIB, 2));
	shows_memory(&scene, MIB, MIB, 2);
	bind_with_fence(&scene, bind_of(&scene, MIB + PAGE, PAGE, 0));
	shows_sparse(&scene, MIB + PAGE, PAGE);
	shows_memory(&scene, MIB, PAGE, 2);
	bind_with_fence(&scene, bind_of(&scene, 0, SIZE, 0));
	shows_sparse(&scene, 0, SIZE);
	icd_wait_for_threads(before);
	end(&scene);
}

/* More ops than the layer puts into one ioctl. Every second page of the buffer is bound, to the
 * pages of the memory in descending order, repeatedly. */
#define MANY 1200

static void many(void **state)
{
	struct scene scene = begin(state, "many");
	static VkSparseMemoryBind binds[MANY];
	const VkSparseBufferMemoryBindInfo buffer = {
		.buffer = scene.buffer,
		.bindCount = MANY,
		.pBinds = binds,
	};
	const VkBindSparseInfo info = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.bufferBindCount = 1,
		.pBufferBinds = &buffer,
	};

	for (VkDeviceSize i = 0; i < MANY; i++) {
		binds[i] = (VkSparseMemoryBind){
			.resourceOffset = 2 * i * PAGE,
			.size = PAGE,
			.memory = scene.memory[0],
			.memoryOffset = MIB - PAGE - i * PAGE % MIB,
		};
	}
	mark("fault");
	VKU_CHECK(vkQueueBindSparse(scene.vk->queue, 1, &info, scene.fence));
	icd_wait_fence(scene.vk, scene.fence);
	for (size_t i = 0; i < MANY; i++) {
		mark("shows %llu %llu 1 %llu",
			(unsigned long long)(scene.address + binds[i].resourceOffset),
			(unsigned long long)PAGE, (unsigned long long)binds[i].memoryOffset);
		shows_sparse(&scene, binds[i].resourceOffset + PAGE, PAGE);
	}
	end(&scene);
}

/* At the bind, the signals of all its wait semaphores are submitted. */
static void semaphores(void **state)
{
	struct scene scene = begin(state, "semaphores");
	const struct vku *vk = scene.vk;
	VkSemaphore timeline = vku_create_timeline(vk, 0);
	VkSemaphore first = vku_create_semaphore(vk);
	VkSemaphore second = vku_create_semaphore(vk);
	size_t before = icd_count_threads();

	icd_submit(vk, &(struct icd_batch){ .signals = { { first, 0 }, { timeline, 3 } } });
	struct icd_batch bind = bind_of(&scene, 0, MIB, 1);
	bind.waits[0] = (struct icd_point){ first, 0 };
	bind.waits[1] = (struct icd_point){ timeline, 2 };
	bind.signals[0] = (struct icd_point){ second, 0 };
	bind.signals[1] = (struct icd_point){ timeline, 4 };
	mark("bind");
	icd_bind(vk, &bind);
	shows_memory(&scene, 0, MIB, 1);
	icd_submit(vk,
		&(struct icd_batch){
			.waits = { { second, 0 }, { timeline, 4 } }, .fence = scene.fence });
	icd_wait_fence(vk, scene.fence);
	EXPECT_EQ(vku_timeline_value(vk, timeline), 4);
	icd_wait_for_threads(before);

	vkDestroySemaphore(vk->device, timeline, NULL);
	vkDestroySemaphore(vk->device, first, NULL);
	vkDestroySemaphore(vk->device, second, NULL);
	end(&scene);
}

/* Two binds wait for a signal that is not submitted yet. The third bind has no waits, and stays
 * behind them in queue order. */
static void before_signal(void **state)
{
	struct scene scene = begin(state, "before_signal");
	const struct vku *vk = scene.vk;
	VkSemaphore timeline = vku_create_timeline(vk, 0);
	struct icd_batch bind = bind_of(&scene, 0, MIB, 1);

	bind.waits[0] = (struct icd_point){ timeline, 1 };
	bind.signals[0] = (struct icd_point){ timeline, 2 };
	mark("bind");
	icd_bind(vk, &bind);
	bind = bind_of(&scene, 0, MIB, 2);
	bind.waits[0] = (struct icd_point){ timeline, 2 };
	bind.signals[0] = (struct icd_point){ timeline, 3 };
	icd_bind(vk, &bind);
	bind = bind_of(&scene, 0, PAGE, 0);
	bind.fence = scene.fence;
	icd_bind(vk, &bind);

	EXPECT_RESULT(vkGetFenceStatus(vk->device, scene.fence), VK_NOT_READY);
	EXPECT_EQ(vku_timeline_value(vk, timeline), 0);
	mark("signal");
	vku_signal(vk, timeline, 1);
	icd_wait_fence(vk, scene.fence);
	EXPECT_EQ(vku_timeline_value(vk, timeline), 3);
	shows_sparse(&scene, 0, PAGE);

	vkDestroySemaphore(vk->device, timeline, NULL);
	end(&scene);
}

/* Invalid usage: the buffer is destroyed before its bind executes. The late bind must leave other
 * resources unchanged. */
static void destroyed_too_early(void **state)
{
	struct scene scene = begin(state, "destroyed_too_early");
	const struct vku *vk = scene.vk;
	VkSemaphore timeline = vku_create_timeline(vk, 0);
	struct icd_batch bind = bind_of(&scene, 0, MIB, 1);

	bind.waits[0] = (struct icd_point){ timeline, 1 };
	bind.signals[0] = (struct icd_point){ timeline, 2 };
	mark("bind");
	icd_bind(vk, &bind);
	mark("destroy");
	vkDestroyBuffer(vk->device, scene.buffer, NULL);
	vkFreeMemory(vk->device, scene.memory[0], NULL);
	scene.buffer = create_buffer(vk, SIZE);
	EXPECT(vku_buffer_address(vk, scene.buffer) != scene.address);
	scene.address = vku_buffer_address(vk, scene.buffer);
	mark("memory 3");
	scene.memory[0] = vku_allocate(vk, MIB, ~0u);
	mark("signal");
	vku_signal(vk, timeline, 1);
	vku_wait(vk, timeline, 2);
	VKU_CHECK(vkQueueWaitIdle(vk->queue));
	shows_sparse(&scene, 0, SIZE);

	vkDestroySemaphore(vk->device, timeline, NULL);
	end(&scene);
}

/* Exported memory is bound like other memory. */
static void exported(void **state)
{
	struct scene scene = begin(state, "exported");
	const VkExportMemoryAllocateInfo export = {
		.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
		.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
	};
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = &export,
		.allocationSize = MIB,
	};

	mark("destroy");
	vkFreeMemory(scene.vk->device, scene.memory[0], NULL);
	mark("memory 3");
	VKU_CHECK(vkAllocateMemory(scene.vk->device, &info, NULL, &scene.memory[0]));
	bind_with_fence(&scene, bind_of(&scene, 0, MIB, 1));
	shows_memory(&scene, 0, MIB, 3);
	end(&scene);
}

/* provide.py runs the scenarios below with a fault in an ioctl after the mark "fault". */

static void creation_fails(void **state)
{
	const struct vku *vk = *state;
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.flags = VK_BUFFER_CREATE_SPARSE_BINDING_BIT,
		.size = SIZE,
		.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	VkBuffer buffer;

	mark("begin creation_fails");
	mark("fault");
	EXPECT_RESULT(
		vkCreateBuffer(vk->device, &info, NULL, &buffer), VK_ERROR_OUT_OF_DEVICE_MEMORY);
	mark("failed");
	/* The failed creation left no state behind. */
	VKU_CHECK(vkCreateBuffer(vk->device, &info, NULL, &buffer));
	vkDestroyBuffer(vk->device, buffer, NULL);
	mark("done");
}

static void bind_fails(void **state)
{
	struct scene scene = begin(state, "bind_fails");
	struct icd_batch bind = bind_of(&scene, 0, MIB, 1);

	bind.fence = scene.fence;
	mark("fault");
	EXPECT_RESULT(icd_try_bind(scene.vk, &bind), VK_ERROR_OUT_OF_DEVICE_MEMORY);
	shows_sparse(&scene, 0, SIZE);
	EXPECT_RESULT(vkGetFenceStatus(scene.vk->device, scene.fence), VK_NOT_READY);
	bind_with_fence(&scene, bind_of(&scene, 0, MIB, 1));
	shows_memory(&scene, 0, MIB, 1);
	end(&scene);
}

struct waiter {
	const struct vku *vk;
	VkSemaphore timeline;
	VkResult result;
};

static void *wait_for_timeline(void *argument)
{
	struct waiter *waiter = argument;
	const VkSemaphoreWaitInfo wait = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.semaphoreCount = 1,
		.pSemaphores = &waiter->timeline,
		.pValues = (const uint64_t[]){ 1 },
	};

	waiter->result = vkWaitSemaphores(waiter->vk->device, &wait, UINT64_MAX);
	return NULL;
}

/* The kernel has executed some ops of the bind when it fails, so the device is lost. A waiter that
 * waits already returns with VK_ERROR_DEVICE_LOST. */
static void half_bind_fails(void **state)
{
	const struct vku_options options = { .name = "half_bind_fails" };
	struct vku own;
	void *vk_state = &own;

	(void)state;
	vku_init(&own, &options);
	struct scene scene = begin(&vk_state, "half_bind_fails");
	const struct vku *vk = scene.vk;
	struct icd_batch bind = bind_of(&scene, 0, SIZE, 0);
	struct waiter waiter = { .vk = vk, .timeline = vku_create_timeline(vk, 0) };
	pthread_t thread;

	EXPECT(pthread_create(&thread, NULL, wait_for_timeline, &waiter) == 0);
	/* The waiter should wait before the bind. If it starts later, it gets the same result. */
	icd_sleep(0.5);
	bind.signals[0] = (struct icd_point){ waiter.timeline, 1 };
	bind.fence = scene.fence;
	mark("fault");
	EXPECT_RESULT(icd_try_bind(vk, &bind), VK_ERROR_DEVICE_LOST);
	EXPECT(pthread_join(thread, NULL) == 0);
	EXPECT_RESULT(waiter.result, VK_ERROR_DEVICE_LOST);
	EXPECT_RESULT(vkWaitForFences(vk->device, 1, &scene.fence, VK_TRUE, UINT64_MAX),
		VK_ERROR_DEVICE_LOST);
	EXPECT_RESULT(icd_try_bind(vk, &bind), VK_ERROR_DEVICE_LOST);
	vkDestroySemaphore(vk->device, waiter.timeline, NULL);
	end(&scene);
	vku_device_finish(&own);
	vkDestroyInstance(own.instance, NULL);
}

/* The deferred bind fails after vkQueueBindSparse returned: the device is lost, and waits end. */
static void late_bind_fails(void **state)
{
	const struct vku_options options = { .name = "late_bind_fails" };
	struct vku own;
	void *vk_state = &own;

	(void)state;
	vku_init(&own, &options);
	struct scene scene = begin(&vk_state, "late_bind_fails");
	const struct vku *vk = scene.vk;
	VkSemaphore timeline = vku_create_timeline(vk, 0);
	struct icd_batch bind = bind_of(&scene, 0, MIB, 1);

	bind.waits[0] = (struct icd_point){ timeline, 1 };
	bind.fence = scene.fence;
	icd_bind(vk, &bind);
	mark("fault");
	vku_signal(vk, timeline, 1);
	EXPECT_RESULT(vkWaitForFences(vk->device, 1, &scene.fence, VK_TRUE, UINT64_MAX),
		VK_ERROR_DEVICE_LOST);
	EXPECT_RESULT(vkQueueWaitIdle(vk->queue), VK_ERROR_DEVICE_LOST);
	EXPECT_RESULT(vkDeviceWaitIdle(vk->device), VK_ERROR_DEVICE_LOST);
	shows_sparse(&scene, 0, SIZE);
	vkDestroySemaphore(vk->device, timeline, NULL);
	end(&scene);
	vku_device_finish(&own);
	vkDestroyInstance(own.instance, NULL);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SCENARIO(features),
		SCENARIO(address_space),
		SCENARIO(gibibyte),
		SCENARIO(image),
		SCENARIO(plain),
		SCENARIO(many),
		SCENARIO(semaphores),
		SCENARIO(before_signal),
		SCENARIO(destroyed_too_early),
		SCENARIO(exported),
		SCENARIO(creation_fails),
		SCENARIO(bind_fails),
		SCENARIO_BARE(half_bind_fails),
		SCENARIO_BARE(late_bind_fails),
	};

	return ICD_RUN(tests, argc, argv);
}
