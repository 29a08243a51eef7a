/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "icd.h"

/* The memory of a device with sparse features is like the driver's own: private to its process,
 * zeroed on request, and cheap in mappings. */

#define SIZE ((VkDeviceSize)40 << 20)

/* VK_EXT_zero_initialize_device_memory, which older headers lack. */
#define ZERO_INITIALIZE_EXTENSION "VK_EXT_zero_initialize_device_memory"
#define ZERO_INITIALIZE_FEATURES ((VkStructureType)1000620000)
#define ZERO_INITIALIZE_BIT 0x8
struct zero_initialize_features {
	VkStructureType sType;
	void *pNext;
	VkBool32 zeroInitializeDeviceMemory;
};

static VkDeviceMemory allocate(const struct vku *vk, VkDeviceSize size, const void *next)
{
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = next,
		.allocationSize = size,
		.memoryTypeIndex = vku_memory_type(vk, UINT32_MAX,
			VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT),
	};
	VkDeviceMemory memory;

	VKU_CHECK(vkAllocateMemory(vk->device, &info, NULL, &memory));
	return memory;
}

static bool all_words_are(const uint32_t *map, VkDeviceSize size, uint32_t word)
{
	for (VkDeviceSize i = 0; i < size / 4; i++) {
		if (map[i] != word) {
			return false;
		}
	}
	return true;
}

enum child_work {
	CHILD_WRITES,
	CHILD_FREES,
	CHILD_ALLOCATES,
	CHILD_EXITS,
};

static void work_in_child(
	const struct vku *vk, VkDeviceMemory memory, uint32_t *map, enum child_work work)
{
	if (!all_words_are(map, SIZE, 0xabcd)) {
		_exit(1);
	}
	switch (work) {
	case CHILD_WRITES:
		memset(map, 0xff, SIZE);
		break;
	case CHILD_FREES:
		vkFreeMemory(vk->device, memory, NULL);
		break;
	case CHILD_ALLOCATES:
		for (int i = 0; i < 4; i++) {
			memset(vku_map(vk, allocate(vk, SIZE, NULL)), 0xff, SIZE);
		}
		break;
	case CHILD_EXITS:
		exit(0);
	}
	_exit(0);
}

/* A child process changes nothing in the memory of its parent. */
static void child_process(void **state)
{
	const enum child_work *work = icd_parameter(state);
	struct vku *vk = *state;

	/* LeakSanitizer reports the parent's objects at the exit of the child. */
	if (*work == CHILD_EXITS && icd_sanitized()) {
		skip();
	}
	VkDeviceMemory memory = allocate(vk, SIZE, NULL);
	uint32_t *map = vku_map(vk, memory);
	int status;

	for (VkDeviceSize i = 0; i < SIZE / 4; i++) {
		map[i] = 0xabcd;
	}
	fflush(NULL);
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		work_in_child(vk, memory, map, *work);
	}
	VkDeviceMemory other = allocate(vk, SIZE, NULL);
	memset(vku_map(vk, other), 0x11, SIZE);
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	EXPECT(all_words_are(map, SIZE, 0xabcd));
	EXPECT(all_words_are(vku_map(vk, other), SIZE, 0x11111111));
	vkFreeMemory(vk->device, memory, NULL);
	vkFreeMemory(vk->device, other, NULL);
}

/* Many allocations take few of the mappings of the process. */
static void many_allocations(void **state)
{
	/* 6.5 GB, or 650 MB. */
	const uint32_t many = ICD_IS_32_BIT ? 10000 : 100000;
	struct vku *vk = *state;
	VkDeviceMemory *memory = calloc(many, sizeof(VkDeviceMemory));
	size_t before = icd_count_mappings();

	EXPECT(memory);
	for (uint32_t i = 0; i < many; i++) {
		memory[i] = allocate(vk, 65536, NULL);
	}
	EXPECT(icd_count_mappings() < before + 1000);
	for (uint32_t i = 0; i < many; i++) {
		vkFreeMemory(vk->device, memory[i], NULL);
	}
	EXPECT(icd_count_mappings() < before + 1100);
	free(memory);
}

static void zeroed_memory(void **state)
{
	struct zero_initialize_features features = {
		.sType = ZERO_INITIALIZE_FEATURES,
		.zeroInitializeDeviceMemory = VK_TRUE,
	};
	const char *const extensions[] = { ZERO_INITIALIZE_EXTENSION };
	const VkMemoryAllocateFlagsInfo zeroed = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
		.flags = ZERO_INITIALIZE_BIT,
	};
	struct vku vk;

	(void)state;
	vku_instance_init(&vk, &(struct vku_options){ 0 });
	if (!vku_has_device_extension(&vk, ZERO_INITIALIZE_EXTENSION)) {
		vku_finish(&vk);
		skip();
	}
	vku_device_init(&vk,
		&(struct vku_options){
			.device_extensions = extensions,
			.device_extension_count = 1,
			.device_next = &features,
		});
	for (VkDeviceSize size = 1024; size <= SIZE; size *= 4) {
		for (int i = 0; i < 3; i++) {
			VkDeviceMemory memory = allocate(&vk, size, &zeroed);
			uint32_t *map = vku_map(&vk, memory);
			EXPECT(all_words_are(map, size, 0));
			memset(map, 0xff, size);
			vkFreeMemory(vk.device, memory, NULL);
		}
	}
	vku_finish(&vk);
}

/* A resource may name external handle types and have ordinary memory. Only memory that is itself
 * external has to match (VUID-vkBindBufferMemory-memory-02726). */
static void external_types(void **state)
{
	const VkExternalMemoryHandleTypeFlags types[] = { 0,
		VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT };
	struct vku *vk = *state;

	for (size_t i = 0; i < COUNT(types); i++) {
		const VkExternalMemoryBufferCreateInfo external = {
			.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
			.handleTypes = types[i],
		};
		const VkBufferCreateInfo info = {
			.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
			.pNext = &external,
			.size = 1 << 20,
			.usage = VKU_ALL_BUFFER_USAGE,
		};
		VkBuffer buffer;

		VKU_CHECK(vkCreateBuffer(vk->device, &info, NULL, &buffer));
		VkMemoryRequirements needed = vku_buffer_requirements(vk, buffer);
		VkDeviceMemory memory = vku_allocate(vk, needed.size, needed.memoryTypeBits);
		VKU_CHECK(vkBindBufferMemory(vk->device, buffer, memory, 0));
		vku_fill(vk, buffer, 0, VK_WHOLE_SIZE, 0x7e57);
		icd_expect_filled(vk, buffer, 0, 1 << 20, 0x7e57);
		vkDestroyBuffer(vk->device, buffer, NULL);
		vkFreeMemory(vk->device, memory, NULL);
	}
}

/* Images with external handle types, or with an initial layout, have ordinary memory. */
static void external_images(void **state)
{
	static const struct {
		VkExternalMemoryHandleTypeFlags types;
		VkImageLayout layout;
	} cases[] = {
		{ 0, VK_IMAGE_LAYOUT_UNDEFINED },
		{ VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT, VK_IMAGE_LAYOUT_UNDEFINED },
		{ 0, VK_IMAGE_LAYOUT_PREINITIALIZED },
	};
	struct vku *vk = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const VkExternalMemoryImageCreateInfo external = {
			.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
			.handleTypes = cases[i].types,
		};
		const VkImageCreateInfo info = {
			.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
			.pNext = cases[i].types ? &external : NULL,
			.imageType = VK_IMAGE_TYPE_2D,
			.format = VK_FORMAT_R8G8B8A8_UNORM,
			.extent = { 512, 512, 1 },
			.mipLevels = 1,
			.arrayLayers = 1,
			.samples = VK_SAMPLE_COUNT_1_BIT,
			.tiling = VK_IMAGE_TILING_LINEAR,
			.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
			.initialLayout = cases[i].layout,
		};
		VkMemoryRequirements needed;
		VkImage image;

		VKU_CHECK(vkCreateImage(vk->device, &info, NULL, &image));
		vkGetImageMemoryRequirements(vk->device, image, &needed);
		VkDeviceMemory memory = vku_allocate(vk, needed.size, needed.memoryTypeBits);
		VKU_CHECK(vkBindImageMemory(vk->device, image, memory, 0));
		vkDestroyImage(vk->device, image, NULL);
		vkFreeMemory(vk->device, memory, NULL);
	}
}

int main(int argc, char **argv)
{
	static const enum child_work work[] = { CHILD_WRITES, CHILD_FREES, CHILD_ALLOCATES,
		CHILD_EXITS };
	const struct CMUnitTest tests[] = {
		SCENARIO_FOR(child_process, &work[0], "writes"),
		SCENARIO_FOR(child_process, &work[1], "frees"),
		SCENARIO_FOR(child_process, &work[2], "allocates"),
		SCENARIO_FOR(child_process, &work[3], "exits"),
		SCENARIO(many_allocations),
		SCENARIO_BARE(zeroed_memory),
		SCENARIO(external_types),
		SCENARIO(external_images),
	};

	return ICD_RUN(tests, argc, argv);
}
