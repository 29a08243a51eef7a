/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "gpu.h"

/* Sizes of sparse buffers, and what is left of destroyed ones. */

#define KIB(n) ((VkDeviceSize)(n) << 10)
#define MIB(n) ((VkDeviceSize)(n) << 20)
#define GIB(n) ((VkDeviceSize)(n) << 30)

static VkDeviceSize largest_buffer(const struct gpu *gpu)
{
	VkDeviceSize space = gpu->vk.properties.limits.sparseAddressSpaceSize;

	return gpu->max_buffer < space ? gpu->max_buffer : space;
}

/* Creates a buffer; VK_NULL_HANDLE if the device is out of memory or addresses. */
static VkBuffer try_buffer(struct gpu *gpu, VkDeviceSize size)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.flags = VK_BUFFER_CREATE_SPARSE_BINDING_BIT | gpu_residency(gpu),
		.size = size,
		.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
			VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	VkBuffer buffer;
	VkResult result = vkCreateBuffer(gpu->vk.device, &info, NULL, &buffer);

	if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY) {
		return VK_NULL_HANDLE;
	}
	vku_check(result, "vkCreateBuffer", __FILE__, __LINE__);
	return buffer;
}

static void expect_words(
	struct gpu *gpu, VkBuffer buffer, VkDeviceSize at, VkDeviceSize size, uint32_t seed)
{
	uint32_t *words = malloc(size);

	if (!words) {
		check_skip("the process has no %" PRIu64 " KiB of memory", (uint64_t)size >> 10);
	}
	gpu_read(gpu, buffer, at, size, words);
	for (uint32_t i = 0; i < size / 4; i++) {
		if (words[i] != gpu_pattern(i, seed)) {
			check_fail("byte %" PRIu64 " reads 0x%08x, not the 0x%08x written there",
				(uint64_t)at + i * 4, words[i], gpu_pattern(i, seed));
		}
	}
	free(words);
}

/* Binds the first and the last page, and writes and reads both. */
static void try_size(struct gpu *gpu, VkBuffer buffer, VkDeviceSize size)
{
	VkMemoryRequirements requirements = vku_buffer_requirements(&gpu->vk, buffer);
	VkDeviceSize page = requirements.alignment;
	VkDeviceSize last = (size - 1) / page * page;
	VkDeviceSize tail = size - last;
	struct pool pool;

	if (requirements.size < size || requirements.size % page != 0) {
		check_fail("the driver requires %" PRIu64 " bytes in pages of %" PRIu64,
			(uint64_t)requirements.size, (uint64_t)page);
	}
	pool_init(gpu, &pool, &requirements, 2);
	const VkSparseMemoryBind binds[] = {
		{ .size = page, .memory = pool.memory },
		{ .resourceOffset = last,
			.size = page,
			.memory = pool.memory,
			.memoryOffset = page },
	};
	gpu_bind_buffer(gpu, buffer, last ? binds : binds + 1, last ? 2 : 1);
	gpu_write(gpu, buffer, last, tail, 0, 2);
	if (last) {
		gpu_write(gpu, buffer, 0, page, 0, 1);
		expect_words(gpu, buffer, 0, page, 1);
	}
	expect_words(gpu, buffer, last, tail, 2);
	expect_words(gpu, pool.view, page, tail, 2);
	/* A bound buffer must be destroyed before its memory. */
	vkDestroyBuffer(gpu->vk.device, buffer, NULL);
	pool_finish(gpu, &pool);
}

struct sizes {
	VkDeviceSize around;
};

static void run_sizes(struct gpu *gpu, const void *data)
{
	const struct sizes *sizes = data;
	const int64_t offsets[] = { -(int64_t)KIB(64), -4, 0, 4, KIB(64), KIB(64) + 4 };

	if (!gpu->features.sparseResidencyBuffer) {
		check_skip("the device does not report sparseResidencyBuffer");
	}
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		VkDeviceSize size = sizes->around + (VkDeviceSize)offsets[i];
		if (size == 0) {
			continue;
		}
		if (size > largest_buffer(gpu)) {
			check_skip("the device allows at most %" PRIu64 " MiB",
				(uint64_t)largest_buffer(gpu) >> 20);
		}
		check_step("A buffer of %" PRIu64 " bytes: ", (uint64_t)size);
		VkBuffer buffer = try_buffer(gpu, size);
		if (!buffer) {
			check_fail("vkCreateBuffer has no memory for it");
		}
		try_size(gpu, buffer, size);
	}
}

/* A number of /proc/self/status in KiB; 0 if it cannot be read. */
static unsigned long process_kib(const char *key)
{
	FILE *status = fopen("/proc/self/status", "re");
	unsigned long value = 0;
	char line[256];

	while (status && fgets(line, sizeof(line), status)) {
		size_t length = strlen(key);
		if (strncmp(line, key, length) == 0 && line[length] == ':') {
			sscanf(line + length + 1, "%lu", &value);
		}
	}
	if (status) {
		fclose(status);
	}
	return value;
}

static void create_and_destroy(
	struct gpu *gpu, const struct pool *pool, VkDeviceSize size, int count)
{
	for (int i = 0; i < count; i++) {
		VkBuffer buffer = try_buffer(gpu, size);
		if (!buffer) {
			check_fail("vkCreateBuffer has no memory for buffer %d of the loop", i);
		}
		const VkSparseMemoryBind bind = {
			.resourceOffset = size - pool->page,
			.size = pool->page,
			.memory = pool->memory,
		};
		gpu_bind_buffer(gpu, buffer, &bind, 1);
		vkDestroyBuffer(gpu->vk.device, buffer, NULL);
	}
}

static void expect_growth(const char *key, unsigned long before, unsigned long most)
{
	unsigned long after = process_kib(key);

	if (after > before + most) {
		check_fail("400 buffers left %lu KiB in the process (%s)", after - before, key);
	}
}

/* Creates four times the buffers that the device has addresses for, as far as 400 buffers do. A
 * second loop of the same length must not make the process larger. */
static void run_leak(struct gpu *gpu, const void *data)
{
	VkDeviceSize size = largest_buffer(gpu);
	VkMemoryRequirements requirements;
	struct pool pool;

	(void)data;
	if (!gpu->features.sparseResidencyBuffer) {
		check_skip("the device does not report sparseResidencyBuffer");
	}
	size = (size < GIB(32) ? size / 4 : GIB(8)) & ~(MIB(4) - 1);
	VkBuffer first = try_buffer(gpu, size);
	if (!first) {
		check_fail(
			"vkCreateBuffer has no memory for %" PRIu64 " MiB", (uint64_t)size >> 20);
	}
	requirements = vku_buffer_requirements(&gpu->vk, first);
	vkDestroyBuffer(gpu->vk.device, first, NULL);
	pool_init(gpu, &pool, &requirements, 1);
	create_and_destroy(gpu, &pool, size, 400);
	unsigned long memory = process_kib("VmRSS");
	unsigned long addresses = process_kib("VmSize");
	create_and_destroy(gpu, &pool, size, 400);
	/* Two pages for each buffer. */
	expect_growth("VmRSS", memory, 3200);
	expect_growth("VmSize", addresses, (unsigned long)(4 * size >> 10));
	pool_finish(gpu, &pool);
}

#define SIZES(name, title, size) \
	{ \
		name, title, run_sizes, &(const struct sizes){ size }, false \
	}

const struct check vmb_buffer_limit_checks[] = {
	SIZES("buffer.size.64k", "Buffers of about 64 KiB", KIB(64)),
	SIZES("buffer.size.2m", "Buffers of about 2 MiB", MIB(2)),
	SIZES("buffer.size.4g", "Buffers of about 4 GiB", GIB(4)),
	{ "buffer.leak", "Destroyed buffers leave nothing behind", run_leak, NULL, false },
	{ 0 },
};
