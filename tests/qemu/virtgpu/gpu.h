/* SPDX-License-Identifier: MIT */
#ifndef VMB_TEST_QEMU_GPU_H
#define VMB_TEST_QEMU_GPU_H

#include <stddef.h>
#include <stdint.h>
#include <uapi/drm.h>
#include <uapi/virtgpu.h>

/*
 * virtio-gpu without Vulkan. Errors are negative errno values. If a call fails that every test
 * needs, the program ends.
 */

#define MIB ((uint64_t)1 << 20)
#define BLOB_SIZE (16 * MIB)
/* The size of the request before blob_hints was added. */
#define BLOB_SIZE_WITHOUT_HINTS offsetof(struct drm_virtgpu_resource_create_blob, blob_hints)

/* Opens the device and creates a context for Venus. */
int gpu_open_context(void);

/* blob_id is 0: the host allocates new shared memory. */
struct drm_virtgpu_resource_create_blob gpu_blob(uint32_t mem, uint32_t flags, uint32_t hints);
/* Sends a request of ioctl_size bytes, GPU_MAX_BLOB_REQUEST at most. Bytes beyond the struct are
 * 0xff. Writes blob->bo_handle. */
#define GPU_MAX_BLOB_REQUEST 128
int gpu_create_sized(int fd, struct drm_virtgpu_resource_create_blob *blob, size_t ioctl_size);
/* Creates a mappable blob of BLOB_SIZE bytes of host memory. */
int gpu_create(int fd, uint32_t hints, uint32_t *handle);
void gpu_close(int fd, uint32_t handle);

/* Returns the offset for mmap(). */
int64_t gpu_map_offset(int fd, uint32_t handle);
/* Maps the whole blob. The result is valid if *error is 0. */
void *gpu_map(int fd, uint32_t handle, size_t size, int *error);
/* Returns a dma-buf. */
int gpu_export(int fd, uint32_t handle);
int gpu_import(int fd, int dma_buf, uint32_t *handle);

/* Each byte of the pattern depends on its offset and on the seed. */
void pattern_write(void *memory, size_t size, uint32_t seed);
/* Returns the number of bytes that differ from the pattern. */
size_t pattern_wrong(const void *memory, size_t size, uint32_t seed);

#endif
