/* SPDX-License-Identifier: MIT */
#ifndef VMB_CHECK_GPU_H
#define VMB_CHECK_GPU_H

#include "survey.h"
#include "vk.h"

/*
 * The device under test, and access to its memory. A call that fails ends the check (check_fail()).
 */

struct gpu {
	struct vku vk; /* vk.queue: compute and copies */
	VkQueue bind_queue; /* may be vk.queue */
	VkPhysicalDeviceFeatures features;
	VkDeviceSize max_buffer; /* maxBufferSize; UINT64_MAX if the device does not report it */
	bool has_timelines;
	bool has_addresses;
	struct vku_program write; /* data[i] = (first + i) * GPU_STEP + seed */
	struct vku_program copy; /* to[i] = from[i] */
};

/* Creates the device that the survey found. */
void gpu_init(struct gpu *gpu, const struct survey_choice *choice);
void gpu_finish(struct gpu *gpu);
/* The part of gpu_init() that figures repeat: the device without the instance. */
void gpu_device_init(struct gpu *gpu);
void gpu_device_finish(struct gpu *gpu);

bool gpu_has_one_queue(const struct gpu *gpu);

/* The word i of a pattern. */
#define GPU_STEP 2654435761u
static inline uint32_t gpu_pattern(uint32_t i, uint32_t seed)
{
	return i * GPU_STEP + seed;
}

/* Binds, on the bind queue. gpu_bind() waits until the binds are done. */
void gpu_bind(struct gpu *gpu, const VkBindSparseInfo *info);
void gpu_queue_bind(struct gpu *gpu, const VkBindSparseInfo *info, VkFence fence);
void gpu_bind_buffer(
	struct gpu *gpu, VkBuffer buffer, const VkSparseMemoryBind *binds, uint32_t count);

/* Waits at most a minute; fails the check if the fence is not signaled by then. */
void gpu_wait(struct gpu *gpu, VkFence fence);
/* Submits the commands and waits like gpu_wait(). */
void gpu_submit(struct gpu *gpu, VkCommandBuffer commands);

/* Puts all levels and layers of an image into the layout GENERAL. */
void gpu_prepare_layout(struct gpu *gpu, VkImage image);

/* A compute shader writes the words first, first + 1, ... of a pattern. size: bytes, a multiple of
 * 4; offset: a multiple of the sparse block size. */
void gpu_write(struct gpu *gpu, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size,
	uint32_t first, uint32_t seed);
void gpu_record_write(struct gpu *gpu, VkCommandBuffer commands, VkBuffer buffer,
	VkDeviceSize offset, VkDeviceSize size, uint32_t first, uint32_t seed);
/* A compute shader reads words into words[]. */
void gpu_read(
	struct gpu *gpu, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size, uint32_t *words);

/* A sparse buffer with all usages. flags: in addition to SPARSE_BINDING. */
VkBuffer gpu_sparse_buffer(struct gpu *gpu, VkDeviceSize size, VkBufferCreateFlags flags);
/* The flag for partial binds if the device supports them, 0 otherwise. */
VkBufferCreateFlags gpu_residency(const struct gpu *gpu);

/*
 * Memory to bind, in pages, and a plain buffer over all of it. The plain buffer fills and reads the
 * memory without a sparse bind.
 */
struct pool {
	VkDeviceMemory memory;
	VkBuffer view;
	VkDeviceSize page; /* bytes */
	uint32_t pages;
};

/* requirements: of the sparse resource; its alignment is the page. Skips the check if no memory
 * type suits both the resource and a plain buffer. */
void pool_init(struct gpu *gpu, struct pool *pool, const VkMemoryRequirements *requirements,
	uint32_t pages);
void pool_finish(struct gpu *gpu, struct pool *pool);

/* Allocates memory that the check needs; skips the check if the device has too little. */
VkDeviceMemory gpu_allocate(struct gpu *gpu, VkDeviceSize size, uint32_t type);

#endif
