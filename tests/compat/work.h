/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_COMPAT_WORK_H
#define VMB_TESTS_COMPAT_WORK_H

#include <stdint.h>

#include "vk.h"

/*
 * A buffer that the GPU fills and reads. The buffer is sparse if the device supports sparse
 * buffers, so the provide route is used. Otherwise the buffer is ordinary.
 */
struct work {
	VkBuffer buffer;
	VkDeviceMemory memory;
};

void work_init(const struct vku *vk, struct work *work);
/* The GPU fills the buffer with word and reads it. Fails if the GPU reads another word. */
void work_do(const struct vku *vk, const struct work *work, uint32_t word);
void work_finish(const struct vku *vk, struct work *work);

/* Calls work_init(), work_do() and work_finish(). */
void work_once(const struct vku *vk, uint32_t word);

#endif
