/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "window.h"

/*
 * frames buffer|image: shows frames whose pixels come from a sparse buffer, or from a sparse image
 * without residency. Each frame first binds the resource to other memory. Each memory object holds
 * one color. The program maps no memory and reads nothing back, so a capture of the program replays
 * only if the binds replay.
 *
 * Prints the colors of each frame from top to bottom.
 */

#define MEMORIES 4
#define PAGES 4
#define PAGE_SIZE (UINT64_C(4) * WINDOW_SIZE * WINDOW_SIZE / PAGES)

/* Red, green, blue, white; B8G8R8A8. */
static const uint32_t colors[MEMORIES] = { 0xffff0000, 0xff00ff00, 0xff0000ff, 0xffffffff };

/* The memory object of each page. A page may share its memory with another. */
static const unsigned buffer_frames[][PAGES] = {
	{ 0, 1, 2, 3 },
	{ 3, 2, 1, 0 },
	{ 1, 2, 3, 0 },
	{ 0, 0, 0, 0 },
	{ 2, 1, 1, 2 },
	{ 3, 0, 2, 1 },
	{ 3, 3, 0, 1 },
	{ 1, 0, 3, 2 },
};

/* The memory object of the whole image. */
static const unsigned image_frames[] = { 2, 0, 3, 1 };

static void print_frame(const unsigned memories[PAGES])
{
	for (unsigned page = 0; page < PAGES; page++) {
		printf("%08x%c", colors[memories[page]], page < PAGES - 1 ? ' ' : '\n');
	}
}

static void allocate(
	const struct vku *vk, VkDeviceMemory memories[MEMORIES], VkDeviceSize size, uint32_t types)
{
	for (unsigned i = 0; i < MEMORIES; i++) {
		memories[i] = vku_allocate(vk, size, types);
	}
}

static void free_memories(const struct vku *vk, const VkDeviceMemory memories[MEMORIES])
{
	for (unsigned i = 0; i < MEMORIES; i++) {
		vkFreeMemory(vk->device, memories[i], NULL);
	}
}

static void bind_pages(const struct vku *vk, VkBuffer buffer, const VkDeviceMemory *memories,
	const unsigned pages[PAGES])
{
	VkSparseMemoryBind binds[PAGES];

	for (unsigned page = 0; page < PAGES; page++) {
		binds[page] = (VkSparseMemoryBind){
			.resourceOffset = page * PAGE_SIZE,
			.size = PAGE_SIZE,
			.memory = memories[pages[page]],
		};
	}
	vku_bind_buffer(vk, buffer, binds, PAGES);
}

static void show_buffer(const struct vku *vk, const struct window *window, VkBuffer buffer)
{
	const VkBufferImageCopy region = {
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
		.imageExtent = { WINDOW_SIZE, WINDOW_SIZE, 1 },
	};
	uint32_t index;
	VkCommandBuffer commands = window_begin(vk, window, &index);

	vkCmdCopyBufferToImage(commands, buffer, window->images[index],
		VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &region);
	window_show(vk, window, commands, index);
}

static void show_buffer_frames(const struct vku *vk, const struct window *window)
{
	const VkBufferCreateFlags flags = VK_BUFFER_CREATE_SPARSE_BINDING_BIT |
		VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT | VK_BUFFER_CREATE_SPARSE_ALIASED_BIT;
	VkBuffer buffer = vku_create_buffer(vk, flags, PAGES * PAGE_SIZE,
		VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT);
	VkMemoryRequirements needs = vku_buffer_requirements(vk, buffer);
	VkDeviceMemory memories[MEMORIES];

	if (PAGE_SIZE % needs.alignment) {
		vku_fail("the alignment of sparse buffers is too large");
	}
	allocate(vk, memories, PAGE_SIZE, needs.memoryTypeBits);
	bind_pages(vk, buffer, memories, buffer_frames[0]);
	for (unsigned i = 0; i < MEMORIES; i++) {
		vku_fill(vk, buffer, i * PAGE_SIZE, PAGE_SIZE, colors[i]);
	}
	for (size_t i = 0; i < sizeof(buffer_frames) / sizeof(buffer_frames[0]); i++) {
		bind_pages(vk, buffer, memories, buffer_frames[i]);
		show_buffer(vk, window, buffer);
		print_frame(buffer_frames[i]);
	}
	vkDestroyBuffer(vk->device, buffer, NULL);
	free_memories(vk, memories);
}

static VkImage create_image(const struct vku *vk)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_B8G8R8A8_UNORM,
		.extent = { WINDOW_SIZE, WINDOW_SIZE, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	VkImage image;

	VKU_CHECK(vkCreateImage(vk->device, &info, NULL, &image));
	return image;
}

static void bind_image(
	const struct vku *vk, VkImage image, VkDeviceMemory memory, VkDeviceSize size)
{
	const VkSparseMemoryBind bind = { .size = size, .memory = memory };

	vku_bind_image(vk, image, &bind, 1);
}

static void clear_image(const struct vku *vk, VkImage image, uint32_t color)
{
	const VkImageSubresourceRange range = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 };
	VkCommandBuffer commands = vku_begin(vk);
	VkClearColorValue value;

	/* From B8G8R8A8 to red, green, blue and alpha. */
	for (unsigned i = 0; i < 4; i++) {
		value.float32[i] = (float)(color >> (i < 3 ? 16 - 8 * i : 24) & 0xff) / 255;
	}
	window_image_barrier(commands, image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_GENERAL);
	vkCmdClearColorImage(commands, image, VK_IMAGE_LAYOUT_GENERAL, &value, 1, &range);
	vku_submit(vk, commands);
}

static void show_image(const struct vku *vk, const struct window *window, VkImage image)
{
	const VkImageSubresourceLayers layers = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 };
	const VkImageCopy region = {
		.srcSubresource = layers,
		.dstSubresource = layers,
		.extent = { WINDOW_SIZE, WINDOW_SIZE, 1 },
	};
	uint32_t index;
	VkCommandBuffer commands = window_begin(vk, window, &index);

	vkCmdCopyImage(commands, image, VK_IMAGE_LAYOUT_GENERAL, window->images[index],
		VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &region);
	window_show(vk, window, commands, index);
}

static void show_image_frames(const struct vku *vk, const struct window *window)
{
	VkImage image = create_image(vk);
	VkDeviceMemory memories[MEMORIES];
	VkMemoryRequirements needs;

	vkGetImageMemoryRequirements(vk->device, image, &needs);
	allocate(vk, memories, needs.size, needs.memoryTypeBits);
	for (unsigned i = 0; i < MEMORIES; i++) {
		bind_image(vk, image, memories[i], needs.size);
		clear_image(vk, image, colors[i]);
	}
	for (size_t i = 0; i < sizeof(image_frames) / sizeof(image_frames[0]); i++) {
		const unsigned memory = image_frames[i];

		bind_image(vk, image, memories[memory], needs.size);
		show_image(vk, window, image);
		print_frame((const unsigned[PAGES]){ memory, memory, memory, memory });
	}
	vkDestroyImage(vk->device, image, NULL);
	free_memories(vk, memories);
}

int main(int argc, char **argv)
{
	struct window window;
	struct vku vk;

	window_init(&vk, &window);
	if (argc == 2 && strcmp(argv[1], "image") == 0) {
		show_image_frames(&vk, &window);
	} else {
		show_buffer_frames(&vk, &window);
	}
	window_finish(&vk, &window);
	return 0;
}
