/* SPDX-License-Identifier: MIT */
#include "icd.h"

/*
 * The programs here fail if the validation layer reports an error. This program provokes an error
 * and checks that the validation layer reports it.
 */

static void errors_are_seen(void **state)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		/* Invalid: size and usage are 0. */
	};
	struct vku *vk = *state;
	VkBuffer buffer;

	if (!vku_validating()) {
		skip();
	}
	EXPECT_EQ(vk->validation_errors, 0);
	vk->expect_validation_errors = true;
	if (vkCreateBuffer(vk->device, &info, NULL, &buffer) == VK_SUCCESS) {
		vkDestroyBuffer(vk->device, buffer, NULL);
	}
	EXPECT(vk->validation_errors > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENARIO(errors_are_seen),
	};

	return ICD_RUN(tests, argc, argv);
}
