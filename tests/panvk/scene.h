/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_PANVK_SCENE_H
#define VMB_TESTS_PANVK_SCENE_H

#include "device.h"
#include "mark.h"
#include "sync.h"

/*
 * A device, a sparse buffer and memory, with the marks by which op_stream.py knows them. What a
 * function does to the buffer is marked once it is done. Each memory object of a program has a size
 * of its own, a little more than SCENE_MEMORY. Several threads may work, each with its own scenes.
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
	/* How the marks call it, 0 if it was not allocated; the first also stands for the
	 * device. */
	unsigned number[SCENE_MEMORIES];
};

/* A device of the instance, with the first piece of memory. */
void scene_begin(struct scene *scene, const struct vku *instance);
/* Destroys all, but for the instance. */
void scene_end(struct scene *scene);

/* Also in the place of what is there already. */
void scene_allocate(struct scene *scene, unsigned index);
void scene_free(struct scene *scene, unsigned index);

VkResult scene_try_buffer(struct scene *scene, VkDeviceSize size);
/* Marks that it is sparse. */
void scene_create_buffer(struct scene *scene, VkDeviceSize size);
void scene_destroy_buffer(struct scene *scene);

#define SCENE_NOTHING UINT32_MAX
/* Memory from its start on, or SCENE_NOTHING. */
struct icd_batch scene_bind_of(
	const struct scene *scene, VkDeviceSize offset, VkDeviceSize size, unsigned index);
void scene_shows(const struct scene *scene, VkDeviceSize offset, VkDeviceSize size, unsigned index);
/* Binds, waits, marks. */
void scene_bind(struct scene *scene, VkDeviceSize offset, VkDeviceSize size, unsigned index);

#endif
