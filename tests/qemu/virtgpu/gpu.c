// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "gpu.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report.h"

int gpu_open_context(void)
{
	struct drm_virtgpu_context_set_param params[] = {
		{ VIRTGPU_CONTEXT_PARAM_CAPSET_ID, VIRTGPU_DRM_CAPSET_VENUS },
		{ VIRTGPU_CONTEXT_PARAM_NUM_RINGS, 64 },
		{ VIRTGPU_CONTEXT_PARAM_POLL_RINGS_MASK, 0 },
	};
	struct drm_virtgpu_context_init init = {
		.num_params = sizeof(params) / sizeof(params[0]),
		.ctx_set_params = (uintptr_t)params,
	};
	int fd = open("/dev/dri/renderD128", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, DRM_IOCTL_VIRTGPU_CONTEXT_INIT, &init) < 0) {
		fail("cannot create a context for Venus: %s", strerror(errno));
	}
	return fd;
}

struct drm_virtgpu_resource_create_blob gpu_blob(uint32_t mem, uint32_t flags, uint32_t hints)
{
	return (struct drm_virtgpu_resource_create_blob){
		.blob_mem = mem,
		.blob_flags = flags,
		.size = BLOB_SIZE,
		.blob_hints = hints,
	};
}

int gpu_create_sized(int fd, struct drm_virtgpu_resource_create_blob *blob, size_t ioctl_size)
{
	const unsigned long number = _IOC_NR(DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB);
	unsigned char request[GPU_MAX_BLOB_REQUEST];

	memset(request, 0xff, sizeof(request));
	memcpy(request, blob, ioctl_size < sizeof(*blob) ? ioctl_size : sizeof(*blob));
	if (ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE, number, ioctl_size), request) <
		0) {
		return -errno;
	}
	memcpy(blob, request, ioctl_size < sizeof(*blob) ? ioctl_size : sizeof(*blob));
	return 0;
}

int gpu_create(int fd, uint32_t hints, uint32_t *handle)
{
	struct drm_virtgpu_resource_create_blob blob = gpu_blob(
		VIRTGPU_BLOB_MEM_HOST3D, VIRTGPU_BLOB_FLAG_USE_MAPPABLE, hints);
	int err = gpu_create_sized(fd, &blob, sizeof(blob));

	*handle = blob.bo_handle;
	return err;
}

void gpu_close(int fd, uint32_t handle)
{
	struct drm_gem_close request = { .handle = handle };

	if (ioctl(fd, DRM_IOCTL_GEM_CLOSE, &request) < 0) {
		fail("GEM_CLOSE: %s", strerror(errno));
	}
}

int64_t gpu_map_offset(int fd, uint32_t handle)
{
	struct drm_virtgpu_map request = { .handle = handle };

	return ioctl(fd, DRM_IOCTL_VIRTGPU_MAP, &request) < 0 ? -errno : (int64_t)request.offset;
}

void *gpu_map(int fd, uint32_t handle, size_t size, int *error)
{
	int64_t offset = gpu_map_offset(fd, handle);
	void *memory;

	*error = 0;
	if (offset < 0) {
		*error = (int)offset;
		return NULL;
	}
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
	if (memory == MAP_FAILED) {
		*error = -errno;
		return NULL;
	}
	return memory;
}

int gpu_export(int fd, uint32_t handle)
{
	struct drm_prime_handle request = { .handle = handle, .flags = O_CLOEXEC | O_RDWR };

	return ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &request) < 0 ? -errno : request.fd;
}

int gpu_import(int fd, int dma_buf, uint32_t *handle)
{
	struct drm_prime_handle request = { .fd = dma_buf };
	int err = ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &request) < 0 ? -errno : 0;

	*handle = request.handle;
	return err;
}

/* Multiplicative hashing, by Knuth's constant. */
static uint32_t pattern_word(uint32_t seed, size_t index)
{
	return ((uint32_t)index ^ seed) * 2654435761u + seed;
}

void pattern_write(void *memory, size_t size, uint32_t seed)
{
	uint32_t *words = memory;

	for (size_t i = 0; i < size / sizeof(*words); i++) {
		words[i] = pattern_word(seed, i);
	}
}

size_t pattern_wrong(const void *memory, size_t size, uint32_t seed)
{
	const uint32_t *words = memory;
	size_t wrong = 0;

	for (size_t i = 0; i < size / sizeof(*words); i++) {
		uint32_t expected = pattern_word(seed, i);

		if (words[i] != expected) {
			const unsigned char *a = (const unsigned char *)&words[i];
			const unsigned char *b = (const unsigned char *)&expected;

			for (size_t byte = 0; byte < sizeof(*words); byte++) {
				wrong += a[byte] != b[byte];
			}
		}
	}
	return wrong;
}
