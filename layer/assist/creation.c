/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "assist/device.h"

/* The creation of sparse resources. The translator holds back the driver's maps of its blackhole,
 * and sends one sparse op at the end of the call. */

/* Logs that the kernel refused the sparse op, and returns the error of the command. */
static VkResult refuse(const struct vmb_assist *assist, int error)
{
	vmb_device_log(assist->device, VMB_LOG_ERROR,
		"the kernel refused to make a new resource sparse: %s", strerror(-error));
	return VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_buffer(VkDevice handle, const VkBufferCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkBuffer *out)
{
	struct vmb_assist *assist = vmb_assist_of(handle);
	struct vmb_panthor_call call;

	if (!(info->flags & VK_BUFFER_CREATE_SPARSE_BINDING_BIT)) {
		return assist->next.CreateBuffer(handle, info, allocator, out);
	}
	vmb_panthor_call_begin(&call, assist->intercept, VMB_PANTHOR_CALL_CREATE_SPARSE);
	VkResult result = assist->next.CreateBuffer(handle, info, allocator, out);
	int ret = vmb_driver_call_end(&call.base);
	if (result != VK_SUCCESS) {
		return result;
	}
	if (ret < 0) {
		assist->next.DestroyBuffer(handle, *out, allocator);
		*out = VK_NULL_HANDLE;
		return refuse(assist, ret);
	}
	vmb_count(&assist->device->statistics.buffers, 1);
	return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_image(VkDevice handle, const VkImageCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkImage *out)
{
	struct vmb_assist *assist = vmb_assist_of(handle);
	struct vmb_panthor_call call;

	if (!(info->flags & VK_IMAGE_CREATE_SPARSE_BINDING_BIT)) {
		return assist->next.CreateImage(handle, info, allocator, out);
	}
	vmb_panthor_call_begin(&call, assist->intercept, VMB_PANTHOR_CALL_CREATE_SPARSE);
	VkResult result = assist->next.CreateImage(handle, info, allocator, out);
	int ret = vmb_driver_call_end(&call.base);
	if (result != VK_SUCCESS) {
		return result;
	}
	if (ret < 0) {
		assist->next.DestroyImage(handle, *out, allocator);
		*out = VK_NULL_HANDLE;
		return refuse(assist, ret);
	}
	vmb_count(&assist->device->statistics.images, 1);
	return VK_SUCCESS;
}

const struct vmb_device_commands vmb_assist_creation_commands = {
	.CreateBuffer = create_buffer,
	.CreateImage = create_image,
};
