// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "raw.h"

#define PLAIN BLOB_SIZE_WITHOUT_HINTS
#define FULL sizeof(struct drm_virtgpu_resource_create_blob)
#define HOST3D VIRTGPU_BLOB_MEM_HOST3D
#define MAPPABLE VIRTGPU_BLOB_FLAG_USE_MAPPABLE
#define SMALL ((uint64_t)1 << 20)

static const struct request {
	const char *name;
	uint32_t mem, flags, hints, pad2;
	size_t ioctl_size;
} requests[] = {
	{ "no hints", HOST3D, MAPPABLE, 0, 0, PLAIN },
	{ "hints 0", HOST3D, MAPPABLE, 0, 0, FULL },
	{ "defer", HOST3D, MAPPABLE, RAW_DEFER, 0, FULL },
	{ "unknown bit 1", HOST3D, MAPPABLE, 1u << 1, 0, FULL },
	{ "unknown bit 31", HOST3D, MAPPABLE, 1u << 31, 0, FULL },
	{ "all bits", HOST3D, MAPPABLE, UINT32_MAX, 0, FULL },
	{ "defer, pad2", HOST3D, MAPPABLE, RAW_DEFER, UINT32_MAX, FULL },
	{ "defer, tail", HOST3D, MAPPABLE, RAW_DEFER, 0, FULL + 8 },
	{ "defer, long tail", HOST3D, MAPPABLE, RAW_DEFER, 0, GPU_MAX_BLOB_REQUEST },
	{ "defer, not mappable", HOST3D, 0, RAW_DEFER, 0, FULL },
	{ "defer, unknown flag", HOST3D, MAPPABLE | 1u << 3, RAW_DEFER, 0, FULL },
	{ "guest", VIRTGPU_BLOB_MEM_GUEST, MAPPABLE, 0, 0, PLAIN },
	{ "guest, defer", VIRTGPU_BLOB_MEM_GUEST, MAPPABLE, RAW_DEFER, 0, FULL },
};

static void send_request(int fd, const struct request *request)
{
	struct drm_virtgpu_resource_create_blob blob = gpu_blob(
		request->mem, request->flags, request->hints);
	uint64_t created = 0, mapped = 0;
	const char *map = "";
	size_t wrong = 0;
	int err;

	blob.size = SMALL;
	blob.pad2 = request->pad2;
	err = gpu_create_sized(fd, &blob, request->ioctl_size);
	if (err == 0) {
		int map_err;

		created = hostmem_used();
		void *memory = gpu_map(fd, blob.bo_handle, SMALL, &map_err);
		map = strerror(-map_err);
		mapped = hostmem_used();
		if (memory) {
			pattern_write(memory, SMALL, 7);
			wrong = pattern_wrong(memory, SMALL, 7);
			munmap(memory, SMALL);
		}
		gpu_close(fd, blob.bo_handle);
		wait_until_used(0);
	}
	report("\"request\": \"%s\", \"create\": \"%s\", "
	       "\"map\": \"%s\", \"used_created\": %" PRIu64 ", \"used_mapped\": %" PRIu64
	       ", \"wrong\": %zu",
		request->name, strerror(-err), map, created, mapped, wrong);
}

void raw_requests(void)
{
	int fd = gpu_open_context();

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		send_request(fd, &requests[i]);
	}
}

/* A blob_id that is not in use in the context. */
#define NO_SUCH_MEMORY 0x7fffffff

static void create_refused(const char *name, uint32_t hints)
{
	int fd = gpu_open_context();
	struct drm_virtgpu_resource_create_blob blob = gpu_blob(HOST3D, MAPPABLE, hints);
	int err, map_err = 0;

	blob.blob_id = NO_SUCH_MEMORY;
	err = gpu_create_sized(fd, &blob, FULL);
	mark(name);
	if (err == 0) {
		gpu_map(fd, blob.bo_handle, BLOB_SIZE, &map_err);
		gpu_close(fd, blob.bo_handle);
		wait_until_used(0);
	}
	report("\"hints\": %u, \"create\": \"%s\", "
	       "\"map\": \"%s\", \"left\": %" PRIu64,
		hints, strerror(-err), strerror(-map_err), hostmem_used());
}

void raw_refused(void)
{
	create_refused("eager", 0);
	create_refused("deferred", RAW_DEFER);
}
