/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_COMPAT_WORK_H
#define VMB_TESTS_COMPAT_WORK_H

#include <stdint.h>

#include "vk.h"

/*
 * A buffer for the GPU to fill and read: a sparse one where the device has them, so that the layer
 * has work to do on the provide route, and an ordinary one elsewhere. What is written and read is
 * the same.
 */
struct work {
	VkBuffer buffer;
	VkDeviceMemory memory;
};

void work_init(const struct vku *vk, struct work *work);
/* The GPU fills the buffer with word and reads it back; fails if it is not what it reads. */
void work_do(const struct vku *vk, const struct work *work, uint32_t word);
void work_finish(const struct vku *vk, struct work *work);

/* All three. */
void work_once(const struct vku *vk, uint32_t word);

#endif
