/* SPDX-License-Identifier: MIT */
#include "window.h"

#include <dlfcn.h>

/* X11/Xlib.h belongs to a package that the build does not need otherwise. */
typedef struct _XDisplay Display;
typedef unsigned long Window;
typedef unsigned long VisualID;
#include <vulkan/vulkan_xlib.h>

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
		info.dpy, xlib.root_window(info.dpy), 0, 0, WINDOW_SIZE, WINDOW_SIZE, 0, 0, 0);
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
		.imageExtent = { WINDOW_SIZE, WINDOW_SIZE },
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

void window_init(struct vku *vk, struct window *window)
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

	vku_init(vk, &options);
	window->surface = create_surface(vk);
	create_swapchain(vk, window);
}

void window_finish(struct vku *vk, struct window *window)
{
	vkDestroySwapchainKHR(vk->device, window->swapchain, NULL);
	vkDestroySurfaceKHR(vk->instance, window->surface, NULL);
	vku_finish(vk);
}

void window_image_barrier(
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

VkCommandBuffer window_begin(const struct vku *vk, const struct window *window, uint32_t *index)
{
	VkFence fence = vku_create_fence(vk);

	VKU_CHECK(vkAcquireNextImageKHR(
		vk->device, window->swapchain, UINT64_MAX, VK_NULL_HANDLE, fence, index));
	VKU_CHECK(vkWaitForFences(vk->device, 1, &fence, VK_TRUE, UINT64_MAX));
	vkDestroyFence(vk->device, fence, NULL);

	VkCommandBuffer commands = vku_begin(vk);
	window_image_barrier(commands, window->images[*index], VK_IMAGE_LAYOUT_UNDEFINED,
		VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
	return commands;
}

void window_show(
	const struct vku *vk, const struct window *window, VkCommandBuffer commands, uint32_t index)
{
	const VkPresentInfoKHR present = {
		.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
		.swapchainCount = 1,
		.pSwapchains = &window->swapchain,
		.pImageIndices = &index,
	};

	window_image_barrier(commands, window->images[index], VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
		VK_IMAGE_LAYOUT_PRESENT_SRC_KHR);
	vku_submit(vk, commands);
	VKU_CHECK(vkQueuePresentKHR(vk->queue, &present));
}
