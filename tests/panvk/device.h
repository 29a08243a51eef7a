/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_PANVK_DEVICE_H
#define VMB_TESTS_PANVK_DEVICE_H

#include "vk.h"

/*
 * A device of the instance with all features of sparse buffers and images that it has, buffer
 * addresses and timeline semaphores. Its queue is one for sparse binding, which on panvk is in a
 * family of its own; *commands is one that executes commands, or the same. With NULL there is none.
 */
VkResult sparse_device_create(struct vku *vk, VkQueue *commands);
/* Destroys the device and what was created with it. */
void sparse_device_destroy(struct vku *vk);

#endif
