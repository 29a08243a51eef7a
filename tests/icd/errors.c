/* SPDX-License-Identifier: MIT */
#include "icd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "sync.h"

/*
 * A failing call returns an error that Vulkan allows, signals nothing, and leaves all other objects
 * usable. Each scenario exhausts a resource of its process, so each runs in its own process.
 */

static void init(struct vku *vk)
{
	vku_init(vk, &(struct vku_options){ 0 });
}

static VkResult try_buffer(const struct vku *vk, VkDeviceSize size, VkBuffer *buffer)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.flags = ICD_SPARSE_BUFFER,
		.size = size,
		.usage = VKU_ALL_BUFFER_USAGE,
	};

	return vkCreateBuffer(vk->device, &info, NULL, buffer);
}

static void expect_works(const struct vku *vk)
{
	struct icd_pages p;

	icd_pages_init(vk, &p, 4, 4);
	VkSparseMemoryBind bind = icd_page_bind(&p, 1, 2, 1);
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	icd_expect_page(vk, &p, 2, icd_stamp(2));
	icd_pages_finish(vk, &p);
}

static void limit_address_space(uint64_t more)
{
	struct rlimit limit;
	unsigned long pages;
	FILE *file = fopen("/proc/self/statm", "re");

	EXPECT(file != NULL);
	EXPECT(fscanf(file, "%lu", &pages) == 1);
	fclose(file);
	EXPECT(getrlimit(RLIMIT_AS, &limit) == 0);
	limit.rlim_cur = pages * 4096 + more;
	EXPECT(setrlimit(RLIMIT_AS, &limit) == 0);
}

static void out_of_address_space(void)
{
	enum {
		MAX_BUFFERS = 16
	};
	VkBuffer buffers[MAX_BUFFERS];
	struct vku vk;
	uint32_t count = 0;
	VkResult result;

	if (icd_sanitized()) {
		icd_child_skip("the sanitizer needs the address space");
	}
	init(&vk);
	const VkDeviceSize wanted = (VkDeviceSize)(ICD_IS_32_BIT ? 512 : 3072) << 20;
	const VkDeviceSize size = icd_buffer_size(&vk, wanted);
	/* The driver needs the rest. */
	limit_address_space(3 * size + size / 2);
	for (int round = 0; round < 3; round++) {
		for (count = 0; count < MAX_BUFFERS; count++) {
			result = try_buffer(&vk, size, &buffers[count]);
			if (result != VK_SUCCESS) {
				break;
			}
		}
		EXPECT(count >= 1 && count < MAX_BUFFERS);
		EXPECT_OUT_OF_MEMORY(result);
		/* A small buffer still fits. */
		expect_works(&vk);
		while (count > 0) {
			vkDestroyBuffer(vk.device, buffers[--count], NULL);
		}
	}
	vku_finish(&vk);
}

/* Sizes near UINT64_MAX, where sums overflow. */
static void buffer_sizes_near_2_64(void)
{
	static const VkDeviceSize sizes[] = { (VkDeviceSize)1 << 48, (VkDeviceSize)1 << 62,
		(VkDeviceSize)1 << 63, UINT64_MAX - 65535, UINT64_MAX - 1, UINT64_MAX };
	struct vku vk;
	VkBuffer buffer;

	if (vku_validating()) {
		icd_child_skip("no application may do this");
	}
	init(&vk);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		EXPECT_OUT_OF_MEMORY(try_buffer(&vk, sizes[i], &buffer));
	}
	expect_works(&vk);
	vku_finish(&vk);
}

static VkResult try_allocate(const struct vku *vk, VkDeviceSize size, VkDeviceMemory *memory)
{
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = size,
	};

	return vkAllocateMemory(vk->device, &info, NULL, memory);
}

/* Allocations larger than the heap. The driver may accept sizes slightly above the heap. */
static void allocations_larger_than_the_heap(void)
{
	struct vku vk, driver;
	VkDeviceMemory memory;

	if (vku_validating()) {
		icd_child_skip("no application may do this");
	}
	if (icd_sanitized()) {
		icd_child_skip("the sanitizer does not let the driver fail");
	}
	init(&vk);
	icd_driver_init(&driver);
	VkDeviceSize heap = vk.memory.memoryHeaps[0].size;
	const VkDeviceSize sizes[] = { heap + 4096, 2 * heap, (VkDeviceSize)1 << 48,
		(VkDeviceSize)1 << 62, UINT64_MAX - 4096, UINT64_MAX };
	for (size_t i = 0; i < COUNT(sizes); i++) {
		VkResult theirs = try_allocate(&driver, sizes[i], &memory);
		if (theirs == VK_SUCCESS) {
			vkFreeMemory(driver.device, memory, NULL);
		}
		VkResult ours = try_allocate(&vk, sizes[i], &memory);
		if (ours == VK_SUCCESS) {
			EXPECT(theirs == VK_SUCCESS);
			vkFreeMemory(vk.device, memory, NULL);
		} else {
			EXPECT_OUT_OF_MEMORY(ours);
		}
	}
	expect_works(&vk);
	vku_finish(&driver);
	vku_finish(&vk);
}

/*
 * Uses up the process's mappings (vm.max_map_count) except SPARE_MAPPINGS, which the driver needs.
 * Each readable page inside the PROT_NONE mapping adds two mappings.
 */
struct exhaustion {
	char *start;
	size_t size;
};

#define SPARE_MAPPINGS 64

static void exhaust_mappings(struct exhaustion *exhaustion)
{
	const size_t page = 4096;

	exhaustion->size = page * 2 * 200000;
	exhaustion->start = mmap(NULL, exhaustion->size, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	EXPECT(exhaustion->start != MAP_FAILED);
	size_t at = page;
	while (at < exhaustion->size && mprotect(exhaustion->start + at, page, PROT_READ) == 0) {
		at += 2 * page;
	}
	if (at >= exhaustion->size) {
		icd_child_skip("vm.max_map_count is too high to be used up");
	}
	for (int i = 0; i < SPARE_MAPPINGS / 2; i++) {
		at -= 2 * page;
		EXPECT(mprotect(exhaustion->start + at, page, PROT_NONE) == 0);
	}
}

static void end_exhaustion(struct exhaustion *exhaustion)
{
	munmap(exhaustion->start, exhaustion->size);
}

/* The number of binds, which cannot be merged: more than the spare mappings. */
#define SCATTERED 400

static void scattered_binds(const struct icd_pages *p, VkSparseMemoryBind *binds)
{
	for (uint32_t i = 0; i < SCATTERED; i++) {
		binds[i] = icd_page_bind(p, 2 * i, 1, i);
	}
}

static VkBindSparseInfo bind_info(const struct icd_pages *p, const VkSparseMemoryBind *binds,
	VkSparseBufferMemoryBindInfo *info)
{
	*info = (VkSparseBufferMemoryBindInfo){ p->buffer, SCATTERED, binds };
	return (VkBindSparseInfo){
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.bufferBindCount = 1,
		.pBufferBinds = info,
	};
}

static void out_of_mappings(void)
{
	VkSparseMemoryBind binds[SCATTERED];
	VkSparseBufferMemoryBindInfo info;
	struct exhaustion exhaustion;
	struct icd_pages p;
	struct vku vk;

	if (icd_sanitized()) {
		icd_child_skip("the sanitizer needs mappings of its own");
	}
	init(&vk);
	icd_pages_init(&vk, &p, 2 * SCATTERED, SCATTERED);
	scattered_binds(&p, binds);
	VkBindSparseInfo batch = bind_info(&p, binds, &info);
	VkFence fence = vku_create_fence(&vk);

	exhaust_mappings(&exhaustion);
	VkResult result = vkQueueBindSparse(vk.queue, 1, &batch, fence);
	VkResult status = vkGetFenceStatus(vk.device, fence);
	end_exhaustion(&exhaustion);
	EXPECT_OUT_OF_MEMORY(result);
	EXPECT_RESULT(status, VK_NOT_READY);

	/* With mappings available again the same call succeeds. */
	VKU_CHECK(vkQueueBindSparse(vk.queue, 1, &batch, fence));
	icd_wait_fence(&vk, fence);
	for (uint32_t i = 0; i < SCATTERED; i += 37) {
		icd_expect_page(&vk, &p, 2 * i, icd_stamp(i));
	}
	vkDestroyFence(vk.device, fence, NULL);
	icd_pages_finish(&vk, &p);
	expect_works(&vk);
	vku_finish(&vk);
}

/* Mappings run out after vkQueueBindSparse returned: the layer reports device loss. */
static void out_of_mappings_later(void)
{
	VkSparseMemoryBind binds[SCATTERED];
	VkSparseBufferMemoryBindInfo info;
	struct exhaustion exhaustion;
	struct icd_pages p;
	struct vku vk;
	const uint64_t values[] = { 1, 2 };

	if (icd_sanitized()) {
		icd_child_skip("the sanitizer needs mappings of its own");
	}
	init(&vk);
	icd_pages_init(&vk, &p, 2 * SCATTERED, SCATTERED);
	scattered_binds(&p, binds);
	VkBindSparseInfo batch = bind_info(&p, binds, &info);
	VkFence fence = vku_create_fence(&vk);
	VkSemaphore in = vku_create_timeline(&vk, 0), out = vku_create_timeline(&vk, 0);
	const VkTimelineSemaphoreSubmitInfo timeline = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = 1,
		.pWaitSemaphoreValues = &values[0],
		.signalSemaphoreValueCount = 1,
		.pSignalSemaphoreValues = &values[1],
	};
	batch.pNext = &timeline;
	batch.waitSemaphoreCount = 1;
	batch.pWaitSemaphores = &in;
	batch.signalSemaphoreCount = 1;
	batch.pSignalSemaphores = &out;
	VKU_CHECK(vkQueueBindSparse(vk.queue, 1, &batch, fence));

	exhaust_mappings(&exhaustion);
	vku_signal(&vk, in, 1);
	VkResult waited = vkWaitForFences(vk.device, 1, &fence, VK_TRUE, UINT64_C(20000000000));
	end_exhaustion(&exhaustion);
	EXPECT_RESULT(waited, VK_ERROR_DEVICE_LOST);
	EXPECT_RESULT(vkGetFenceStatus(vk.device, fence), VK_ERROR_DEVICE_LOST);
	EXPECT_RESULT(vkQueueWaitIdle(vk.queue), VK_ERROR_DEVICE_LOST);
	EXPECT_RESULT(vkDeviceWaitIdle(vk.device), VK_ERROR_DEVICE_LOST);

	/* The semaphore is not signalled. Waits for the semaphore end with an error. */
	const VkSemaphoreWaitInfo wait = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.semaphoreCount = 1,
		.pSemaphores = &out,
		.pValues = &values[1],
	};
	EXPECT_RESULT(vkWaitSemaphores(vk.device, &wait, UINT64_MAX), VK_ERROR_DEVICE_LOST);
	uint64_t value = 0;
	VkResult counted = vkGetSemaphoreCounterValue(vk.device, out, &value);
	EXPECT(counted == VK_ERROR_DEVICE_LOST || (counted == VK_SUCCESS && value == 0));
	EXPECT_RESULT(vkQueueBindSparse(vk.queue, 1, &batch, VK_NULL_HANDLE), VK_ERROR_DEVICE_LOST);
	EXPECT_RESULT(vkQueueSubmit(vk.queue, 0, NULL, VK_NULL_HANDLE), VK_ERROR_DEVICE_LOST);

	/* The application can destroy the lost device and create a working one. */
	vkDestroyFence(vk.device, fence, NULL);
	vkDestroySemaphore(vk.device, in, NULL);
	vkDestroySemaphore(vk.device, out, NULL);
	icd_pages_finish(&vk, &p);
	vku_finish(&vk);
	init(&vk);
	expect_works(&vk);
	vku_finish(&vk);
}

/* A submission that waits for a failed bind never runs. */
static void nothing_runs_after_a_failed_bind(void)
{
	VkSparseMemoryBind binds[SCATTERED];
	VkSparseBufferMemoryBindInfo info;
	struct exhaustion exhaustion;
	struct vku_buffer result;
	struct icd_pages p;
	struct vku vk;
	const uint64_t one = 1;

	if (icd_sanitized()) {
		icd_child_skip("the sanitizer needs mappings of its own");
	}
	init(&vk);
	icd_pages_init(&vk, &p, 2 * SCATTERED, SCATTERED);
	vku_buffer_init(&vk, &result, 4096);
	memset(result.map, 0, 4096);
	scattered_binds(&p, binds);
	VkBindSparseInfo batch = bind_info(&p, binds, &info);
	VkSemaphore in = vku_create_timeline(&vk, 0), bound = vku_create_timeline(&vk, 0);
	VkFence fence = vku_create_fence(&vk);
	const VkTimelineSemaphoreSubmitInfo timeline = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = 1,
		.pWaitSemaphoreValues = &one,
		.signalSemaphoreValueCount = 1,
		.pSignalSemaphoreValues = &one,
	};
	batch.pNext = &timeline;
	batch.waitSemaphoreCount = 1;
	batch.pWaitSemaphores = &in;
	batch.signalSemaphoreCount = 1;
	batch.pSignalSemaphores = &bound;
	VKU_CHECK(vkQueueBindSparse(vk.queue, 1, &batch, VK_NULL_HANDLE));
	VkCommandBuffer commands = vku_begin(&vk);
	vkCmdFillBuffer(commands, result.buffer, 0, VK_WHOLE_SIZE, 0xbad);
	VKU_CHECK(vkEndCommandBuffer(commands));
	icd_submit(&vk,
		&(struct icd_batch){
			.commands = commands,
			.waits = { { bound, 1 } },
			.fence = fence,
		});

	exhaust_mappings(&exhaustion);
	vku_signal(&vk, in, 1);
	VkResult waited = vkWaitForFences(vk.device, 1, &fence, VK_TRUE, UINT64_C(20000000000));
	end_exhaustion(&exhaustion);
	EXPECT_RESULT(waited, VK_ERROR_DEVICE_LOST);
	EXPECT_EQ(*(uint32_t *)result.map, 0);
	vku_finish(&vk);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENARIO_IN_CHILD(out_of_address_space),
		SCENARIO_IN_CHILD(buffer_sizes_near_2_64),
		SCENARIO_IN_CHILD(allocations_larger_than_the_heap),
		SCENARIO_IN_CHILD(out_of_mappings),
		SCENARIO_IN_CHILD(out_of_mappings_later),
		SCENARIO_IN_CHILD(nothing_runs_after_a_failed_bind),
	};

	return ICD_RUN(tests, argc, argv);
}
