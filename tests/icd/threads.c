/* SPDX-License-Identifier: MIT */
#include "sync.h"

#include <pthread.h>
#include <stdlib.h>

/*
 * Several threads use one device. Each thread has its own resources. A lock guards the queue.
 */

#define THREADS 4
#define ROUNDS 25

struct worker {
	struct vku vk; /* a copy with its own command pool */
	uint32_t number;
	pthread_t thread;
	void (*round)(const struct vku *vk, uint32_t seed);
};

static void *work(void *data)
{
	struct worker *worker = data;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		worker->round(&worker->vk, worker->number * ROUNDS + i);
	}
	return NULL;
}

static void run_workers(const struct vku *vk, void (*round)(const struct vku *vk, uint32_t seed))
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct worker workers[THREADS];
	const VkCommandPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.queueFamilyIndex = vk->queue_family,
	};

	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .number = i, .round = round };
		workers[i].vk = *vk;
		workers[i].vk.queue_lock = &lock;
		VKU_CHECK(vkCreateCommandPool(vk->device, &pool, NULL, &workers[i].vk.pool));
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		EXPECT_EQ(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		vkDestroyCommandPool(vk->device, workers[i].vk.pool, NULL);
	}
}

static void bind_round(const struct vku *vk, uint32_t seed)
{
	struct icd_pages p;

	icd_pages_init(vk, &p, 8, 8);
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t at = (seed + 3 * i) % 8, from = (seed * 5 + i) % 8;
		const VkSparseMemoryBind bind = icd_page_bind(&p, at, 1, from);
		vku_bind_buffer(vk, p.buffer, &bind, 1);
		icd_expect_page(vk, &p, at, icd_stamp(from));
		icd_fill_page(vk, &p, at, seed);
		icd_expect_memory(&p, from, seed);
		icd_fill_page(vk, &p, at, icd_stamp(from));
	}
	const VkSparseMemoryBind all = icd_page_unbind(&p, 0, 8);
	vku_bind_buffer(vk, p.buffer, &all, 1);
	icd_pages_finish(vk, &p);
}

static void binding(void **state)
{
	run_workers(*state, bind_round);
}

/* Threads create and destroy objects. The layer's object tables are shared by all threads. */
static void objects_round(const struct vku *vk, uint32_t seed)
{
	const VkImageCreateInfo image_info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { 64 + seed, 64, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	VkDeviceMemory memory[16];
	VkBuffer sparse[16], plain[16];
	VkImage images[16];

	for (uint32_t i = 0; i < 16; i++) {
		sparse[i] = vku_create_buffer(
			vk, ICD_SPARSE_BUFFER, 100000 * (i + 1), VKU_ALL_BUFFER_USAGE);
		plain[i] = vku_create_buffer(vk, 0, 100000, VKU_ALL_BUFFER_USAGE);
		VKU_CHECK(vkCreateImage(vk->device, &image_info, NULL, &images[i]));
		VkMemoryRequirements requirements = vku_buffer_requirements(vk, plain[i]);
		memory[i] = vku_allocate(vk, requirements.size, requirements.memoryTypeBits);
		VKU_CHECK(vkBindBufferMemory(vk->device, plain[i], memory[i], 0));
		*(uint32_t *)vku_map(vk, memory[i]) = seed;
	}
	for (uint32_t i = 0; i < 16; i++) {
		vkDestroyBuffer(vk->device, sparse[i], NULL);
		vkDestroyBuffer(vk->device, plain[i], NULL);
		vkDestroyImage(vk->device, images[i], NULL);
		vkFreeMemory(vk->device, memory[i], NULL);
	}
}

static void creating_and_destroying(void **state)
{
	run_workers(*state, objects_round);
}

/* All threads bind the same memory at once, each to its own buffer. */
static struct icd_pages common;

static void common_round(const struct vku *vk, uint32_t seed)
{
	struct icd_pages p;

	icd_pages_init(vk, &p, 4, 1);
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t from = (seed + i * 7) % common.memory_pages;
		VkSparseMemoryBind bind = icd_page_bind(&p, i, 1, from);
		bind.memory = common.memory;
		vku_bind_buffer(vk, p.buffer, &bind, 1);
		icd_expect_page(vk, &p, i, icd_stamp(from));
	}
	icd_pages_finish(vk, &p);
}

static void binding_the_same_memory(void **state)
{
	icd_pages_init(*state, &common, 1, 64);
	run_workers(*state, common_round);
	icd_pages_finish(*state, &common);
}

/* Each thread has its own instance, device and queue. */
static void *own_device(void *data)
{
	struct icd_pages p;
	struct vku vk;

	(void)data;
	for (uint32_t i = 0; i < 3; i++) {
		vku_init(&vk, &(struct vku_options){ 0 });
		icd_pages_init(&vk, &p, 4, 4);
		const VkSparseMemoryBind bind = icd_page_bind(&p, 1, 2, i % 3);
		vku_bind_buffer(&vk, p.buffer, &bind, 1);
		icd_expect_page(&vk, &p, 2, icd_stamp(i % 3 + 1));
		icd_pages_finish(&vk, &p);
		vku_finish(&vk);
	}
	return NULL;
}

static void devices_of_their_own(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (uint32_t i = 0; i < THREADS; i++) {
		EXPECT_EQ(pthread_create(&threads[i], NULL, own_device, NULL), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
}

/* A thread that binds without the lock of the queue. */
struct binder {
	const struct vku *vk;
	struct icd_pages pages;
	VkSemaphore timeline;
	pthread_t thread;
};

#define BINDS 50

static void *bind_without_lock(void *data)
{
	struct binder *binder = data;

	for (uint32_t i = 0; i < BINDS; i++) {
		icd_bind(binder->vk,
			&(struct icd_batch){
				.buffer = binder->pages.buffer,
				.binds = { icd_page_bind(&binder->pages, i % 8, 1, i * 3 % 8) },
				.bind_count = 1,
				.waits = { { binder->timeline, i % 2 ? i : 0 } },
				.signals = { { binder->timeline, i + 1 } },
			});
	}
	return NULL;
}

/* Several threads bind on one queue, as VK_KHR_internally_synchronized_queues permits. Only the
 * layer uses the queue, so the test also runs on drivers without the extension. */
static void binds_on_one_queue(void **state)
{
	struct binder binders[THREADS];
	struct vku *vk = *state;

	icd_skip_if_validating();
	for (uint32_t i = 0; i < THREADS; i++) {
		binders[i].vk = vk;
		binders[i].timeline = vku_create_timeline(vk, 0);
		icd_pages_init(vk, &binders[i].pages, 8, 8);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		EXPECT_EQ(pthread_create(&binders[i].thread, NULL, bind_without_lock, &binders[i]),
			0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(binders[i].thread, NULL);
		vku_wait(vk, binders[i].timeline, BINDS);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		for (uint32_t bind = BINDS - 8; bind < BINDS; bind++) {
			icd_expect_page(vk, &binders[i].pages, bind % 8, icd_stamp(bind * 3 % 8));
		}
		icd_pages_finish(vk, &binders[i].pages);
	}
	VKU_CHECK(vkDeviceWaitIdle(vk->device));
	for (uint32_t i = 0; i < THREADS; i++) {
		vkDestroySemaphore(vk->device, binders[i].timeline, NULL);
	}
}

static void *allocate_and_free(void *data)
{
	const struct vku *vk = data;

	vkFreeMemory(vk->device, vku_allocate(vk, 1 << 16, UINT32_MAX), NULL);
	return NULL;
}

static VKAPI_ATTR void *VKAPI_CALL allocate_host(
	void *data, size_t size, size_t alignment, VkSystemAllocationScope scope)
{
	(void)data;
	(void)scope;
	return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

/* No object of the test grows. */
static VKAPI_ATTR void *VKAPI_CALL reallocate_host(
	void *data, void *memory, size_t size, size_t alignment, VkSystemAllocationScope scope)
{
	return memory ? NULL : allocate_host(data, size, alignment, scope);
}

/* Returns after another thread has allocated and freed memory. */
static VKAPI_ATTR void VKAPI_CALL free_host(void *data, void *memory)
{
	pthread_t thread;

	if (memory) {
		EXPECT_EQ(pthread_create(&thread, NULL, allocate_and_free, data), 0);
		pthread_join(thread, NULL);
		free(memory);
	}
}

/* An allocation callback may wait for another thread that uses the device. */
static void freeing_in_a_callback(void **state)
{
	struct vku *vk = *state;
	const VkAllocationCallbacks callbacks = {
		.pUserData = vk,
		.pfnAllocation = allocate_host,
		.pfnReallocation = reallocate_host,
		.pfnFree = free_host,
	};
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = 1 << 16,
		.memoryTypeIndex = vku_memory_type(vk, UINT32_MAX, 0),
	};
	VkDeviceMemory memory;

	VKU_CHECK(vkAllocateMemory(vk->device, &info, &callbacks, &memory));
	vkFreeMemory(vk->device, memory, &callbacks);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENARIO(binding),
		SCENARIO(creating_and_destroying),
		SCENARIO(binding_the_same_memory),
		SCENARIO(binds_on_one_queue),
		SCENARIO(freeing_in_a_callback),
		SCENARIO_BARE(devices_of_their_own),
	};

	return ICD_RUN(tests, argc, argv);
}
