/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_PANVK_SCENE_H
#define VMB_TESTS_PANVK_SCENE_H

#include "device.h"
#include "mark.h"
#include "sync.h"

/*
 * A device, a sparse buffer and memory, with the marks that op_stream.py reads. Each function marks
 * its effect on the buffer afterwards. Each memory object of a program has a different size, a
 * little more than SCENE_MEMORY. Threads may work at once, each on its own scenes.
 */

#define KIB UINT64_C(1024)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

#define SCENE_MEMORIES 24
#define SCENE_MEMORY MIB

struct scene {
	struct vku vk;
	VkQueue commands;
	VkFence fence;
	VkBuffer buffer;
	VkDeviceAddress address;
	VkDeviceSize size;
	VkDeviceMemory memory[SCENE_MEMORIES];
	/* The memory's number in the marks, or 0 if not allocated. number[0] also identifies the
	 * device. */
	unsigned number[SCENE_MEMORIES];
};

/* Creates a device and memory[0]. The scene borrows the instance. */
void scene_begin(struct scene *scene, const struct vku *instance);
/* Destroys everything but the instance. */
void scene_end(struct scene *scene);

/* Allocates memory[index], and frees the previous memory there. */
void scene_allocate(struct scene *scene, unsigned index);
void scene_free(struct scene *scene, unsigned index);

VkResult scene_try_buffer(struct scene *scene, VkDeviceSize size);
/* Creates the buffer, and marks all of it as sparse. */
void scene_create_buffer(struct scene *scene, VkDeviceSize size);
void scene_destroy_buffer(struct scene *scene);

#define SCENE_NULL UINT32_MAX
/* A bind to memory[index] from its offset 0 on, or to no memory if index is SCENE_NULL. */
struct icd_batch scene_bind_of(
	const struct scene *scene, VkDeviceSize offset, VkDeviceSize size, unsigned index);
void scene_shows(const struct scene *scene, VkDeviceSize offset, VkDeviceSize size, unsigned index);
/* Binds, waits for the bind, and marks the range. */
void scene_bind(struct scene *scene, VkDeviceSize offset, VkDeviceSize size, unsigned index);

#endif
