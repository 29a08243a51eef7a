/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_ADDER_H
#define VMB_TESTS_ADDER_H

#include "icd.h"

/* A paged sparse buffer, a compute shader that adds to its words, and a fence. */
struct icd_adder {
	struct icd_pages p;
	struct vku_program add;
	VkDescriptorSet set;
	VkFence fence;
};

void icd_adder_init(const struct vku *vk, struct icd_adder *adder, uint32_t buffer_pages,
	uint32_t memory_pages);
void icd_adder_finish(const struct vku *vk, struct icd_adder *adder);
/* Records commands that add value to each word of a buffer page. */
VkCommandBuffer icd_adder_record(
	const struct vku *vk, const struct icd_adder *adder, uint32_t page, uint32_t value);

#endif
