/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_COMPAT_WINDOW_H
#define VMB_TESTS_COMPAT_WINDOW_H

#include "vk.h"

#define WINDOW_SIZE 256

/* A window on an X server. Its images have the format B8G8R8A8_UNORM. */
struct window {
	VkSurfaceKHR surface;
	VkSwapchainKHR swapchain;
	VkImage images[16];
};

/* Initializes vk, too. */
void window_init(struct vku *vk, struct window *window);
void window_finish(struct vku *vk, struct window *window);

/* A barrier for the layout of an image with one color subresource. */
void window_image_barrier(
	VkCommandBuffer commands, VkImage image, VkImageLayout from, VkImageLayout to);

/* Begins the commands that write an image in the layout TRANSFER_DST_OPTIMAL. */
VkCommandBuffer window_begin(const struct vku *vk, const struct window *window, uint32_t *index);
/* Runs the commands and shows the image. */
void window_show(const struct vku *vk, const struct window *window, VkCommandBuffer commands,
	uint32_t index);

#endif
