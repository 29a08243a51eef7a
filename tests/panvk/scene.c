/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <stdatomic.h>

#define PAGE UINT64_C(4096)

typedef unsigned long long ull;

/* The number of memory objects of all scenes of the process. */
static atomic_uint allocated;

void scene_begin(struct scene *scene, const struct vku *instance)
{
	*scene = (struct scene){ 0 };
	scene->vk.instance = instance->instance;
	scene->vk.physical = instance->physical;
	scene->vk.api_version = instance->api_version;
	scene->vk.properties = instance->properties;
	scene->vk.memory = instance->memory;
	VKU_CHECK(sparse_device_create(&scene->vk, &scene->commands));
	scene->fence = vku_create_fence(&scene->vk);
	scene_allocate(scene, 0);
}

void scene_end(struct scene *scene)
{
	scene_destroy_buffer(scene);
	for (unsigned i = 0; i < SCENE_MEMORIES; i++) {
		scene_free(scene, i);
	}
	vkDestroyFence(scene->vk.device, scene->fence, NULL);
	sparse_device_destroy(&scene->vk);
}

void scene_allocate(struct scene *scene, unsigned index)
{
	scene_free(scene, index);
	scene->number[index] = atomic_fetch_add(&allocated, 1) + 1;
	VkDeviceSize size = SCENE_MEMORY + scene->number[index] * PAGE;
	mark("memory %u %llu", scene->number[index], (ull)size);
	scene->memory[index] = vku_allocate(&scene->vk, size, ~0u);
}

void scene_free(struct scene *scene, unsigned index)
{
	vkFreeMemory(scene->vk.device, scene->memory[index], NULL);
	scene->memory[index] = VK_NULL_HANDLE;
}

VkResult scene_try_buffer(struct scene *scene, VkDeviceSize size)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.flags = ICD_RESIDENT_BUFFER,
		.size = size,
		.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT |
			VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT,
	};

	scene->size = size;
	return vkCreateBuffer(scene->vk.device, &info, NULL, &scene->buffer);
}

void scene_create_buffer(struct scene *scene, VkDeviceSize size)
{
	VKU_CHECK(scene_try_buffer(scene, size));
	scene->address = vku_buffer_address(&scene->vk, scene->buffer);
	scene_shows(scene, 0, size, SCENE_NULL);
}

void scene_destroy_buffer(struct scene *scene)
{
	vkDestroyBuffer(scene->vk.device, scene->buffer, NULL);
	scene->buffer = VK_NULL_HANDLE;
}

struct icd_batch scene_bind_of(
	const struct scene *scene, VkDeviceSize offset, VkDeviceSize size, unsigned index)
{
	struct icd_batch batch = { .buffer = scene->buffer, .bind_count = 1 };

	batch.binds[0] = (VkSparseMemoryBind){
		.resourceOffset = offset,
		.size = size,
		.memory = index == SCENE_NULL ? VK_NULL_HANDLE : scene->memory[index],
	};
	return batch;
}

void scene_shows(const struct scene *scene, VkDeviceSize offset, VkDeviceSize size, unsigned index)
{
	if (index == SCENE_NULL) {
		mark("shows %u %llu %llu sparse", scene->number[0], (ull)(scene->address + offset),
			(ull)size);
	} else {
		mark("shows %u %llu %llu %u 0", scene->number[0], (ull)(scene->address + offset),
			(ull)size, scene->number[index]);
	}
}

void scene_bind(struct scene *scene, VkDeviceSize offset, VkDeviceSize size, unsigned index)
{
	struct icd_batch batch = scene_bind_of(scene, offset, size, index);

	batch.fence = scene->fence;
	icd_bind(&scene->vk, &batch);
	icd_wait_fence(&scene->vk, scene->fence);
	scene_shows(scene, offset, size, index);
}
