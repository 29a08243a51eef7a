/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_PANVK_DEVICE_H
#define VMB_TESTS_PANVK_DEVICE_H

#include "vk.h"

/*
 * Creates a device with every supported feature of sparse buffers and 2D images, buffer addresses
 * and timeline semaphores. vk->queue supports sparse binding; on panvk that is a separate family.
 * *commands is a compute queue, and may be vk->queue. If commands is NULL, no second queue is
 * created.
 */
VkResult sparse_device_create(struct vku *vk, VkQueue *commands);
/* Destroys the device and its command pool. */
void sparse_device_destroy(struct vku *vk);

#endif
