/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vk.h"

/*
 * An application may exit without destroying its objects, while another thread still calls Vulkan.
 * A destructor of the library loaded last makes such a call here. glibc runs this destructor after
 * the layer's. Only call_late() exits with status 0.
 */

static struct vku vk;
static VkBuffer buffer;

static void call_late(void)
{
	VkMemoryRequirements requirements;

	vkGetBufferMemoryRequirements(vk.device, buffer, &requirements);
	if (requirements.size < 65536 || vkQueueWaitIdle(vk.queue) != VK_SUCCESS) {
		_exit(1);
	}
	_exit(0);
}

int main(void)
{
	vku_init(&vk, &(struct vku_options){ 0 });
	buffer = vku_create_buffer(
		&vk, VK_BUFFER_CREATE_SPARSE_BINDING_BIT, 65536, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
	void *library = dlopen(LAST_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	void (**at_exit)(void) = library ? dlsym(library, "at_exit") : NULL;
	if (!at_exit) {
		fprintf(stderr, "%s\n", dlerror());
		return 2;
	}
	*at_exit = call_late;
	return 1;
}
