/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <stdio.h>

#include "vk.h"

/* X11/Xlib.h belongs to a package that the build does not need otherwise. */
typedef struct _XDisplay Display;
typedef unsigned long Window;
typedef unsigned long VisualID;
#include <vulkan/vulkan_xlib.h>

/*
 * frames: shows frames whose pixels come from a sparse buffer. Each frame first binds the pages of
 * the buffer to other memory: to the memory objects in the order of a row of `frames`. Each memory
 * object holds one color. The program maps no memory and reads nothing back, so a capture of the
 * program replays only if the binds replay.
 *
 * Prints the colors of each frame from top to bottom.
 */

#define WIDTH 256
#define HEIGHT 256
#define MEMORIES 4
#define PAGES 4
#define PAGE_SIZE (UINT64_C(4) * WIDTH * HEIGHT / PAGES)

/* Red, green, blue, white; B8G8R8A8. */
static const uint32_t colors[MEMORIES] = { 0xffff0000, 0xff00ff00, 0xff0000ff, 0xffffffff };

/* The memory object of each page. A page may share its memory with another. */
static const unsigned frames[][PAGES] = {
	{ 0, 1, 2, 3 },
	{ 3, 2, 1, 0 },
	{ 1, 2, 3, 0 },
	{ 0, 0, 0, 0 },
	{ 2, 1, 1, 2 },
	{ 3, 0, 2, 1 },
	{ 3, 3, 0, 1 },
	{ 1, 0, 3, 2 },
};

struct window {
	VkSurfaceKHR surface;
	VkSwapchainKHR swapchain;
	VkImage images[16];
};

struct xlib {
	Display *(*open_display)(const char *name);
	Window (*root_window)(Display *display);
	Window (*create_window)(Display *display, Window parent, int x, int y, unsigned width,
		unsigned height, unsigned border_width, unsigned long border,
		unsigned long background);
	int (*map_window)(Display *display, Window window);
	int (*sync)(Display *display, int discard);
};

static void load_xlib(struct xlib *xlib)
{
	const struct {
		void *function;
		const char *name;
	} symbols[] = {
		{ &xlib->open_display, "XOpenDisplay" },
		{ &xlib->root_window, "XDefaultRootWindow" },
		{ &xlib->create_window, "XCreateSimpleWindow" },
		{ &xlib->map_window, "XMapWindow" },
		{ &xlib->sync, "XSync" },
	};
	void *library = dlopen("libX11.so.6", RTLD_NOW);

	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void **function = symbols[i].function;

		*function = library ? dlsym(library, symbols[i].name) : NULL;
		if (!*function) {
			vku_fail("%s: %s", symbols[i].name, dlerror());
		}
	}
}

static VkSurfaceKHR create_surface(const struct vku *vk)
{
	VkXlibSurfaceCreateInfoKHR info = {
		.sType = VK_STRUCTURE_TYPE_XLIB_SURFACE_CREATE_INFO_KHR,
	};
	PFN_vkCreateXlibSurfaceKHR create = (PFN_vkCreateXlibSurfaceKHR)vkGetInstanceProcAddr(
		vk->instance, "vkCreateXlibSurfaceKHR");
	struct xlib xlib;
	VkSurfaceKHR surface;

	load_xlib(&xlib);
	info.dpy = xlib.open_display(NULL);
	if (!info.dpy) {
		vku_fail("no X display");
	}
	info.window = xlib.create_window(
		info.dpy, xlib.root_window(info.dpy), 0, 0, WIDTH, HEIGHT, 0, 0, 0);
	xlib.map_window(info.dpy, info.window);
	xlib.sync(info.dpy, 0);
	VKU_CHECK(create(vk->instance, &info, NULL, &surface));
	return surface;
}

static void create_swapchain(const struct vku *vk, struct window *window)
{
	VkSwapchainCreateInfoKHR info = {
		.sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
		.surface = window->surface,
		.imageFormat = VK_FORMAT_B8G8R8A8_UNORM,
		.imageExtent = { WIDTH, HEIGHT },
		.imageArrayLayers = 1,
		.imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
		.preTransform = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR,
		.compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR,
		.presentMode = VK_PRESENT_MODE_FIFO_KHR,
	};
	VkSurfaceCapabilitiesKHR capabilities;
	uint32_t count = sizeof(window->images) / sizeof(window->images[0]);
	VkBool32 supported;

	VKU_CHECK(vkGetPhysicalDeviceSurfaceSupportKHR(
		vk->physical, vk->queue_family, window->surface, &supported));
	VKU_CHECK(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(
		vk->physical, window->surface, &capabilities));
	if (!supported || !(capabilities.supportedUsageFlags & info.imageUsage)) {
		vku_fail("the queue cannot present copied pixels");
	}
	info.minImageCount = capabilities.minImageCount;
	VKU_CHECK(vkCreateSwapchainKHR(vk->device, &info, NULL, &window->swapchain));
	VKU_CHECK(vkGetSwapchainImagesKHR(vk->device, window->swapchain, &count, window->images));
}

static void image_barrier(
	VkCommandBuffer commands, VkImage image, VkImageLayout from, VkImageLayout to)
{
	const VkImageMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
		.oldLayout = from,
		.newLayout = to,
		.srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.image = image,
		.subresourceRange = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 },
	};

	vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
		VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, NULL, 0, NULL, 1, &barrier);
}

static void show(const struct vku *vk, const struct window *window, VkBuffer buffer)
{
	const VkBufferImageCopy region = {
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
		.imageExtent = { WIDTH, HEIGHT, 1 },
	};
	VkFence fence = vku_create_fence(vk);
	uint32_t index;

	VKU_CHECK(vkAcquireNextImageKHR(
		vk->device, window->swapchain, UINT64_MAX, VK_NULL_HANDLE, fence, &index));
	VKU_CHECK(vkWaitForFences(vk->device, 1, &fence, VK_TRUE, UINT64_MAX));
	vkDestroyFence(vk->device, fence, NULL);

	VkCommandBuffer commands = vku_begin(vk);
	VkImage image = window->images[index];
	image_barrier(
		commands, image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
	vkCmdCopyBufferToImage(
		commands, buffer, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &region);
	image_barrier(commands, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
		VK_IMAGE_LAYOUT_PRESENT_SRC_KHR);
	vku_submit(vk, commands);

	const VkPresentInfoKHR present = {
		.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
		.swapchainCount = 1,
		.pSwapchains = &window->swapchain,
		.pImageIndices = &index,
	};
	VKU_CHECK(vkQueuePresentKHR(vk->queue, &present));
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

static void show_frames(const struct vku *vk, const struct window *window)
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
	for (unsigned i = 0; i < MEMORIES; i++) {
		memories[i] = vku_allocate(vk, PAGE_SIZE, needs.memoryTypeBits);
	}
	bind_pages(vk, buffer, memories, frames[0]);
	for (unsigned i = 0; i < MEMORIES; i++) {
		vku_fill(vk, buffer, i * PAGE_SIZE, PAGE_SIZE, colors[i]);
	}
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		bind_pages(vk, buffer, memories, frames[i]);
		show(vk, window, buffer);
		for (unsigned page = 0; page < PAGES; page++) {
			printf("%08x%c", colors[frames[i][page]], page < PAGES - 1 ? ' ' : '\n');
		}
	}
	vkDestroyBuffer(vk->device, buffer, NULL);
	for (unsigned i = 0; i < MEMORIES; i++) {
		vkFreeMemory(vk->device, memories[i], NULL);
	}
}

int main(void)
{
	const char *const instance_extensions[] = { VK_KHR_SURFACE_EXTENSION_NAME,
		VK_KHR_XLIB_SURFACE_EXTENSION_NAME };
	const char *const device_extensions[] = { VK_KHR_SWAPCHAIN_EXTENSION_NAME };
	const struct vku_options options = {
		.instance_extensions = instance_extensions,
		.instance_extension_count = 2,
		.device_extensions = device_extensions,
		.device_extension_count = 1,
	};
	struct window window;
	struct vku vk;

	vku_init(&vk, &options);
	window.surface = create_surface(&vk);
	create_swapchain(&vk, &window);
	show_frames(&vk, &window);
	vkDestroySwapchainKHR(vk.device, window.swapchain, NULL);
	vkDestroySurfaceKHR(vk.instance, window.surface, NULL);
	vku_finish(&vk);
	return 0;
}
