/* SPDX-License-Identifier: MIT */
#include "assist/assist.h"

#include <string.h>
#include <unistd.h>

#include "ioctl/intercept.h"
#include "provide/buffer.h"
#include "provide/image.h"
#include "vk/allocator.h"

static void give_up(struct vmb_device *device, const char *why)
{
	vmb_device_log(device, VMB_LOG_WARN, "%s: the driver is left as it is: %s",
		device->physical->name, why);
	vmb_assist_finish(device);
	device->route = VMB_ROUTE_NATIVE;
}

/* Any memory will do, as long as it is the ordinary kind. */
static uint32_t find_type(const struct vmb_device *device)
{
	const VkMemoryPropertyFlags special = VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT |
		VK_MEMORY_PROPERTY_PROTECTED_BIT;
	VkPhysicalDeviceMemoryProperties properties;
	uint32_t type = 0;

	device->physical->instance->next.GetPhysicalDeviceMemoryProperties(
		device->physical->handle, &properties);
	while (type + 1 < properties.memoryTypeCount &&
		(properties.memoryTypes[type].propertyFlags & special)) {
		type++;
	}
	return type;
}

void vmb_assist_init(struct vmb_device *device)
{
	struct vmb_tap *tap = device->tap;
	struct vmb_scope scope;

	if (!tap || !vmb_tap_is_live(tap)) {
		give_up(device, "none of its ioctls was seen while the device was created");
		return;
	}
	/* Where the kernel has no sparse op the hole is what a range is filled with. */
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = vmb_panthor_has_sparse(&tap->panthor)
			? (VkDeviceSize)sysconf(_SC_PAGESIZE)
			: VMB_PANTHOR_CYCLE,
		.memoryTypeIndex = find_type(device),
	};

	vmb_scope_begin(&scope, tap, VMB_SCOPE_MEMORY);
	VkResult result = device->next.AllocateMemory(
		device->handle, &info, &vmb_allocator, &device->hole);
	vmb_scope_end(&scope);
	if (result != VK_SUCCESS) {
		device->hole = VK_NULL_HANDLE;
	}
	/* The driver maps it right away: maps, too, have to come this way. */
	if (result != VK_SUCCESS || !scope.panthor.bo || !scope.panthor.size) {
		give_up(device, "its memory could not be made a hole of");
		return;
	}
	atomic_store_explicit(&tap->panthor.hole, scope.panthor.bo, memory_order_relaxed);
	vmb_device_log(device, VMB_LOG_DEBUG, "panthor 1.%u, VM %u, hole is BO %u",
		tap->panthor.minor, tap->panthor.vm, scope.panthor.bo);
}

void vmb_assist_finish(struct vmb_device *device)
{
	device->next.FreeMemory(device->handle, device->hole, &vmb_allocator);
	device->hole = VK_NULL_HANDLE;
	vmb_tap_destroy(device->tap);
	device->tap = NULL;
}

/* What the kernel refused of what the scope held back. */
static VkResult refuse(const struct vmb_device *device, int error)
{
	vmb_device_log(device, VMB_LOG_ERROR,
		"the kernel refused to make a new resource sparse: %s", strerror(-error));
	return VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

VkResult vmb_assist_create_buffer(struct vmb_device *device, const VkBufferCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkBuffer *out)
{
	struct vmb_scope scope;

	if (!(info->flags & VMB_BUFFER_SPARSE_FLAGS)) {
		return device->next.CreateBuffer(device->handle, info, allocator, out);
	}
	vmb_scope_begin(&scope, device->tap, VMB_SCOPE_SPARSE);
	VkResult result = device->next.CreateBuffer(device->handle, info, allocator, out);
	int ret = vmb_scope_end(&scope);
	if (result != VK_SUCCESS) {
		return result;
	}
	if (ret < 0) {
		device->next.DestroyBuffer(device->handle, *out, allocator);
		*out = VK_NULL_HANDLE;
		return refuse(device, ret);
	}
	vmb_count(&device->stats.buffers, 1);
	return VK_SUCCESS;
}

VkResult vmb_assist_create_image(struct vmb_device *device, const VkImageCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkImage *out)
{
	struct vmb_scope scope;

	if (!(info->flags & VMB_IMAGE_SPARSE_FLAGS)) {
		return device->next.CreateImage(device->handle, info, allocator, out);
	}
	vmb_scope_begin(&scope, device->tap, VMB_SCOPE_SPARSE);
	VkResult result = device->next.CreateImage(device->handle, info, allocator, out);
	int ret = vmb_scope_end(&scope);
	if (result != VK_SUCCESS) {
		return result;
	}
	if (ret < 0) {
		device->next.DestroyImage(device->handle, *out, allocator);
		*out = VK_NULL_HANDLE;
		return refuse(device, ret);
	}
	vmb_count(&device->stats.images, 1);
	return VK_SUCCESS;
}
