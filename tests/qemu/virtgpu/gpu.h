/* SPDX-License-Identifier: MIT */
#ifndef VMB_TEST_VM_GPU_H
#define VMB_TEST_VM_GPU_H

#include <stddef.h>
#include <stdint.h>
#include <uapi/drm.h>
#include <uapi/virtgpu.h>

/*
 * virtio-gpu without Vulkan. Errors are negative errno values; what no test can go on without ends
 * the program.
 */

#define MIB ((uint64_t)1 << 20)
#define BLOB_SIZE (16 * MIB)
/* The size of a request of which this is a field. */
#define BLOB_SIZE_WITHOUT_HINTS offsetof(struct drm_virtgpu_resource_create_blob, blob_hints)

/* An open file of the device, and on it a context for Venus. */
int gpu_open_context(void);

/* blob_id 0 is new shared memory of the host's. */
struct drm_virtgpu_resource_create_blob gpu_blob(uint32_t mem, uint32_t flags, uint32_t hints);
/* The struct is taken to be of ioctl_size bytes, up to GPU_MAX_BLOB_REQUEST: what is beyond our own
 * is not 0. Writes the handle. */
#define GPU_MAX_BLOB_REQUEST 128
int gpu_create_sized(int fd, struct drm_virtgpu_resource_create_blob *blob, size_t ioctl_size);
/* BLOB_SIZE bytes of the host's that can be mapped. */
int gpu_create(int fd, uint32_t hints, uint32_t *handle);
void gpu_close(int fd, uint32_t handle);

/* The offset in the file. */
int64_t gpu_map_offset(int fd, uint32_t handle);
/* Asks for the offset and maps all of it; the result is a pointer if *error is 0. */
void *gpu_map(int fd, uint32_t handle, size_t size, int *error);
/* A dma-buf. */
int gpu_export(int fd, uint32_t handle);
int gpu_import(int fd, int dma_buf, uint32_t *handle);

/* Every byte depends on its place and on the seed. */
void pattern_write(void *memory, size_t size, uint32_t seed);
/* How many bytes are not as they were written. */
size_t pattern_wrong(const void *memory, size_t size, uint32_t seed);

#endif
