/* SPDX-License-Identifier: MIT */
#include "icd.h"

#include <stdio.h>

#include "sync.h"

/*
 * Objects are destroyed in an unusual order or not at all. The layer leaks no mapping, no file
 * descriptor and no thread. Each scenario counts them in a process of its own.
 */

#define WARM_UP 3
#define ROUNDS 30

typedef void round_fn(void);

/* Allocators add and remove a few mappings. A leak adds one in each round. A sanitizer's allocator
 * keeps freed memory. */
static void expect_no_more_mappings(size_t before, size_t after)
{
	EXPECT(after < before + ROUNDS / 2 || icd_sanitized());
}

/* Runs rounds until the libraries' caches are filled, runs more rounds, and compares. */
static void expect_nothing_left(round_fn *round)
{
	size_t mappings[2] = { 0 }, fds[2] = { 0 }, threads = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < (pass ? ROUNDS : WARM_UP); i++) {
			round();
		}
		mappings[pass] = icd_count_mappings();
		fds[pass] = icd_count_fds();
		if (pass == 0) {
			threads = icd_count_threads();
		}
	}
	printf("mappings %zu, %zu; fds %zu, %zu; threads %zu\n", mappings[0], mappings[1], fds[0],
		fds[1], threads);
	EXPECT_EQ(fds[0], fds[1]);
	icd_wait_for_threads(threads);
	expect_no_more_mappings(mappings[0], mappings[1]);
}

static void init(struct vku *vk)
{
	vku_init(vk, &(struct vku_options){ 0 });
}

static void bind_some(const struct vku *vk, struct icd_pages *p)
{
	icd_pages_init(vk, p, 16, 4);
	const VkSparseMemoryBind binds[] = {
		icd_page_bind(p, 1, 2, 0),
		icd_page_bind(p, 5, 1, 3),
		icd_page_bind(p, 9, 4, 0),
	};
	vku_bind_buffer(vk, p->buffer, binds, COUNT(binds));
	icd_expect_page(vk, p, 5, icd_stamp(3));
}

static void devices_round(void)
{
	struct icd_pages p;
	struct vku vk;

	init(&vk);
	bind_some(&vk, &p);
	icd_pages_finish(&vk, &p);
	vku_finish(&vk);
}

static void devices(void)
{
	expect_nothing_left(devices_round);
}

/* The device that all rounds of a scenario share. */
static struct vku shared;

static void resources_round(void)
{
	struct icd_pages p;

	for (int i = 0; i < 10; i++) {
		bind_some(&shared, &p);
		icd_pages_finish(&shared, &p);
	}
}

static void resources(void)
{
	init(&shared);
	expect_nothing_left(resources_round);
	vku_finish(&shared);
}

static void memory_first_round(void)
{
	struct icd_pages p;

	for (int i = 0; i < 10; i++) {
		bind_some(&shared, &p);
		/* Once the memory is freed, the buffer may only be rebound or destroyed. */
		vkFreeMemory(shared.device, p.memory, NULL);
		p.memory = vku_allocate(&shared, p.page, UINT32_MAX);
		const VkSparseMemoryBind bind = icd_page_bind(&p, 5, 1, 0);
		vku_bind_buffer(&shared, p.buffer, &bind, 1);
		icd_fill_page(&shared, &p, 5, 0x11fe);
		icd_expect_page(&shared, &p, 5, 0x11fe);
		icd_pages_finish(&shared, &p);
	}
}

static void memory_is_freed_while_bound(void)
{
	init(&shared);
	expect_nothing_left(memory_first_round);
	vku_finish(&shared);
}

static void abandoned_round(void)
{
	struct icd_pages p, q;
	struct vku vk;

	init(&vk);
	vk.expect_validation_errors = true;
	bind_some(&vk, &p);
	bind_some(&vk, &q);
	vkFreeMemory(vk.device, q.memory, NULL);
	VKU_CHECK(vkDeviceWaitIdle(vk.device));
	vkDestroyDevice(vk.device, NULL);
	vk.device = VK_NULL_HANDLE;
	vku_finish(&vk);
}

/*
 * The application destroys the device but not its objects. The driver leaks their memory, as
 * without the layer. The layer leaks no mapping, no file descriptor and no thread.
 */
static void devices_with_live_objects(void)
{
	size_t fds, threads;

	for (int i = 0; i < WARM_UP; i++) {
		abandoned_round();
	}
	fds = icd_count_fds();
	threads = icd_count_threads();
	size_t mappings = icd_count_mappings();
	for (int i = 0; i < ROUNDS; i++) {
		abandoned_round();
	}
	EXPECT_EQ(icd_count_fds(), fds);
	icd_wait_for_threads(threads);
	printf("mappings %zu, %zu\n", mappings, icd_count_mappings());
	expect_no_more_mappings(mappings, icd_count_mappings());
}

/* vkDestroyBuffer frees the address space reservation of a large buffer. */
static void address_space_is_released_round(void)
{
	/* 128 GiB or more, since no driver's largest buffer is below 1 GiB - 64 KiB. */
	VkBuffer buffers[129];
	const VkDeviceSize size = icd_buffer_size(&shared, (VkDeviceSize)1 << 30);

	for (size_t i = 0; i < COUNT(buffers); i++) {
		buffers[i] = vku_create_buffer(
			&shared, ICD_SPARSE_BUFFER, size, VKU_ALL_BUFFER_USAGE);
	}
	for (size_t i = 0; i < COUNT(buffers); i++) {
		vkDestroyBuffer(shared.device, buffers[i], NULL);
	}
}

static void address_space_is_released(void)
{
	init(&shared);
	/* Each round reserves 128 GiB; all rounds together reserve 4 TiB. */
	if (shared.properties.limits.sparseAddressSpaceSize < (VkDeviceSize)130 << 30) {
		icd_child_skip("not that much address space");
	}
	expect_nothing_left(address_space_is_released_round);
	vku_finish(&shared);
}

/* Binds are pending when vkDeviceWaitIdle is called and the device is destroyed. */
static void pending_binds_round(void)
{
	struct icd_pages p;
	struct vku vk;

	init(&vk);
	icd_pages_init(&vk, &p, 8, 8);
	VkSemaphore timeline = vku_create_timeline(&vk, 0);
	for (uint32_t i = 0; i < 8; i++) {
		icd_bind(&vk,
			&(struct icd_batch){
				.buffer = p.buffer,
				.binds = { icd_page_bind(&p, i, 1, i) },
				.bind_count = 1,
				.waits = { { timeline, i + 1 } },
			});
	}
	vku_signal(&vk, timeline, 8);
	VKU_CHECK(vkDeviceWaitIdle(vk.device));
	vkDestroySemaphore(vk.device, timeline, NULL);
	icd_pages_finish(&vk, &p);
	vku_finish(&vk);
}

static void pending_binds(void)
{
	expect_nothing_left(pending_binds_round);
}

/* Memory that is freed while bound is returned to the system. */
static void freed_memory_is_released(void)
{
	const VkDeviceSize size = 64 << 20;
	struct icd_pages p;
	VkMemoryRequirements requirements;

	init(&shared);
	icd_pages_init(&shared, &p, 1, 1);
	VkBuffer buffer = vku_create_buffer(&shared, ICD_SPARSE_BUFFER, size, VKU_ALL_BUFFER_USAGE);
	requirements = vku_buffer_requirements(&shared, buffer);
	uint64_t before = icd_resident_bytes(), files = icd_memfd_bytes();
	for (int i = 0; i < 20; i++) {
		VkDeviceMemory memory = vku_allocate(&shared, size, requirements.memoryTypeBits);
		const VkSparseMemoryBind bind = { .size = size, .memory = memory };
		vku_bind_buffer(&shared, buffer, &bind, 1);
		vku_fill(&shared, buffer, 0, VK_WHOLE_SIZE, 0xf11);
		vkFreeMemory(shared.device, memory, NULL);
	}
	/* The buffer may hold the last memory until it is rebound or destroyed. */
	EXPECT(icd_resident_bytes() < before + 3 * size);
	EXPECT(icd_memfd_bytes() < files + 3 * size);
	vkDestroyBuffer(shared.device, buffer, NULL);
	EXPECT(icd_resident_bytes() < before + size);
	EXPECT(icd_memfd_bytes() < files + size);
	icd_pages_finish(&shared, &p);
	vku_finish(&shared);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENARIO_IN_CHILD(devices),
		SCENARIO_IN_CHILD(resources),
		SCENARIO_IN_CHILD(memory_is_freed_while_bound),
		SCENARIO_IN_CHILD(devices_with_live_objects),
		SCENARIO_IN_CHILD(address_space_is_released),
		SCENARIO_IN_CHILD(pending_binds),
		SCENARIO_IN_CHILD(freed_memory_is_released),
	};

	return ICD_RUN(tests, argc, argv);
}
