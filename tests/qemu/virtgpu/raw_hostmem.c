// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "raw.h"

static void life(uint32_t hints, size_t ioctl_size)
{
	struct drm_virtgpu_resource_create_blob blob = gpu_blob(
		VIRTGPU_BLOB_MEM_HOST3D, VIRTGPU_BLOB_FLAG_USE_MAPPABLE, hints);
	int fd = gpu_open_context();
	int64_t offset;
	void *memory;
	int err;

	mark("begin");
	err = gpu_create_sized(fd, &blob, ioctl_size);
	if (err < 0) {
		fail("create: %s", strerror(-err));
	}
	mark("created");
	offset = gpu_map_offset(fd, blob.bo_handle);
	mark("offset");
	memory = gpu_map(fd, blob.bo_handle, BLOB_SIZE, &err);
	if (offset < 0 || err < 0) {
		fail("map: %s", strerror(-err));
	}
	pattern_write(memory, BLOB_SIZE, 1);
	report("\"wrong\": %zu", pattern_wrong(memory, BLOB_SIZE, 1));
	mark("mapped");
	munmap(memory, BLOB_SIZE);
	mark("unmapped");
	memory = gpu_map(fd, blob.bo_handle, BLOB_SIZE, &err);
	if (err < 0) {
		fail("map again: %s", strerror(-err));
	}
	report("\"wrong_again\": %zu", pattern_wrong(memory, BLOB_SIZE, 1));
	munmap(memory, BLOB_SIZE);
	gpu_close(fd, blob.bo_handle);
	wait_until_used(0);
	mark("closed");
}

void raw_life_plain(void)
{
	life(0, BLOB_SIZE_WITHOUT_HINTS);
}

void raw_life_eager(void)
{
	life(0, sizeof(struct drm_virtgpu_resource_create_blob));
}

void raw_life_deferred(void)
{
	life(RAW_DEFER, sizeof(struct drm_virtgpu_resource_create_blob));
}

static unsigned create_many(int fd, uint32_t hints, uint32_t *handles, int *err)
{
	unsigned count = 0;

	*err = 0;
	while (count < RAW_BLOBS && (*err = gpu_create(fd, hints, &handles[count])) == 0) {
		count++;
	}
	return count;
}

static void fit(uint32_t hints)
{
	uint32_t handles[RAW_BLOBS];
	int fd = gpu_open_context();
	unsigned count;
	int err;

	mark("begin");
	count = create_many(fd, hints, handles, &err);
	report("\"attempted\": %d, \"created\": %u, \"error\": \"%s\"", RAW_BLOBS, count,
		strerror(-err));
	mark("created");
	while (count > 0) {
		gpu_close(fd, handles[--count]);
	}
	wait_until_used(0);
	mark("closed");
}

void raw_fit_eager(void)
{
	fit(0);
}

void raw_fit_deferred(void)
{
	fit(RAW_DEFER);
}

/* Maps the blob and writes the pattern of the seed, or compares the blob with that pattern. Returns
 * the number of wrong bytes. */
static size_t visit(int fd, uint32_t handle, uint32_t seed, bool write)
{
	int err;
	void *memory = gpu_map(fd, handle, BLOB_SIZE, &err);
	size_t wrong = 0;

	if (err < 0) {
		fail("map blob %u: %s", seed, strerror(-err));
	}
	if (write) {
		pattern_write(memory, BLOB_SIZE, seed);
	} else {
		wrong = pattern_wrong(memory, BLOB_SIZE, seed);
	}
	munmap(memory, BLOB_SIZE);
	return wrong;
}

struct shared {
	int dma_buf;
	uint32_t seed;
};

static int compare_in_process(void *argument)
{
	const struct shared *shared = argument;
	void *memory = mmap(NULL, BLOB_SIZE, PROT_READ, MAP_SHARED, shared->dma_buf, 0);

	return memory == MAP_FAILED || pattern_wrong(memory, BLOB_SIZE, shared->seed) > 0;
}

void raw_late(void)
{
	uint32_t handles[RAW_BLOBS];
	int fd = gpu_open_context();
	unsigned count, visits = 8;
	size_t wrong = 0;
	int err;

	count = create_many(fd, RAW_DEFER, handles, &err);
	report("\"created\": %u", count);
	mark("created");
	/* In reverse order of creation. */
	for (unsigned i = 0; i < visits; i++) {
		visit(fd, handles[count - 1 - i], i, true);
	}
	mark("mapped");
	for (unsigned i = 0; i < visits; i++) {
		wrong += visit(fd, handles[count - 1 - i], i, false);
	}
	report("\"compared\": %" PRIu64 ", \"wrong\": %zu", visits * BLOB_SIZE, wrong);
	struct shared shared = { gpu_export(fd, handles[count - 1]), 0 };
	report("\"other_process\": %d",
		process_wait(process_start(compare_in_process, &shared), 20000));
}
