/* SPDX-License-Identifier: MIT */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "provide/feature.h"
#include "provide/sparse_flags.h"
#include "vk/sparse_features.h"

struct refusal {
	struct vmb_device_commands next;
	atomic_flag logged;
};

static VkResult refuse_sparse(const void *handle, struct refusal *refusal, const char *command)
{
	if (!atomic_flag_test_and_set(&refusal->logged)) {
		vmb_device_log(vmb_device_of(handle), VMB_LOG_ERROR,
			"%s: the application uses a sparse resource, but did not enable "
			"VkPhysicalDeviceFeatures::sparseBinding in vkCreateDevice",
			command);
	}
	return VK_ERROR_FEATURE_NOT_PRESENT;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_buffer(VkDevice handle, const VkBufferCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkBuffer *out)
{
	struct refusal *refusal = vmb_device_of(handle)->features[VMB_FEATURE_REFUSAL];

	if (info->flags & VMB_BUFFER_SPARSE_FLAGS) {
		*out = VK_NULL_HANDLE;
		return refuse_sparse(handle, refusal, "vkCreateBuffer");
	}
	return refusal->next.CreateBuffer(handle, info, allocator, out);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_image(VkDevice handle, const VkImageCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkImage *out)
{
	struct refusal *refusal = vmb_device_of(handle)->features[VMB_FEATURE_REFUSAL];

	if (info->flags & VMB_IMAGE_SPARSE_FLAGS) {
		*out = VK_NULL_HANDLE;
		return refuse_sparse(handle, refusal, "vkCreateImage");
	}
	return refusal->next.CreateImage(handle, info, allocator, out);
}

static VkResult prepare(struct vmb_device *device, VkDeviceCreateInfo *info)
{
	/* The provide feature has hidden the sparse features from info. */
	bool provided = device->features[VMB_FEATURE_PROVIDE];
	if (device->physical->route != VMB_ROUTE_PROVIDE || provided || vmb_wants_sparse(info)) {
		return VK_SUCCESS;
	}
	struct refusal *refusal = calloc(1, sizeof(*refusal));
	device->features[VMB_FEATURE_REFUSAL] = refusal;
	return refusal ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

static VkResult init(struct vmb_device *device)
{
	static const struct vmb_device_commands commands = {
		.CreateBuffer = create_buffer,
		.CreateImage = create_image,
	};
	struct refusal *refusal = device->features[VMB_FEATURE_REFUSAL];

	vmb_device_overlay(device, &commands, &refusal->next);
	return VK_SUCCESS;
}

static void finish(struct vmb_device *device)
{
	free(device->features[VMB_FEATURE_REFUSAL]);
	device->features[VMB_FEATURE_REFUSAL] = NULL;
}

const struct vmb_feature vmb_refusal_feature = {
	.id = VMB_FEATURE_REFUSAL,
	.prepare = prepare,
	.init = init,
	.finish = finish,
};
