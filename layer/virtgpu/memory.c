/* SPDX-License-Identifier: MIT */
#include "virtgpu/memory.h"

#include "ioctl/intercept.h"

/* What was found out of the device, once it was. */
static void tell(struct vmb_device *device)
{
	const struct vmb_virtgpu_facts *facts = vmb_tap_is_live(device->virtgpu)
		? vmb_virtgpu_facts(device->virtgpu->virtgpu)
		: NULL;

	if (facts && !atomic_exchange(&device->virtgpu_was_told, true)) {
		vmb_device_log(device, VMB_LOG_INFO,
			"%s: blobs are %s: %s (window of %llu MiB, hint honoured: %s)",
			device->physical->name, facts->defers ? "deferred" : "mapped at once",
			facts->reason, (unsigned long long)(facts->window >> 20),
			vmb_honoured_name(facts->honoured));
	}
}

VkResult vmb_deferral_allocate(struct vmb_device *device, const VkMemoryAllocateInfo *info,
	const VkAllocationCallbacks *allocator, VkDeviceMemory *out)
{
	struct vmb_scope scope;

	if (!device->virtgpu) {
		return device->next.AllocateMemory(device->handle, info, allocator, out);
	}
	vmb_scope_begin(&scope, device->virtgpu, VMB_SCOPE_MEMORY);
	scope.virtgpu.memory_type = info->memoryTypeIndex;
	VkResult result = device->next.AllocateMemory(device->handle, info, allocator, out);
	scope.virtgpu.has_failed = result != VK_SUCCESS;
	vmb_scope_end(&scope);
	tell(device);
	return result;
}

/* What a driver means that has called it a success. */
static VkResult end_map(struct vmb_scope *scope, VkResult result, VkResult error)
{
	vmb_scope_end(scope);
	return result == VK_SUCCESS && scope->virtgpu.was_refused ? error : result;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_MapMemory(VkDevice handle, VkDeviceMemory memory,
	VkDeviceSize offset, VkDeviceSize size, VkMemoryMapFlags flags, void **out)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct vmb_scope scope;

	if (!device->virtgpu) {
		return device->next.MapMemory(handle, memory, offset, size, flags, out);
	}
	vmb_scope_begin(&scope, device->virtgpu, VMB_SCOPE_MAP);
	VkResult result = device->next.MapMemory(handle, memory, offset, size, flags, out);
	return end_map(&scope, result, VK_ERROR_MEMORY_MAP_FAILED);
}

#ifdef VK_KHR_map_memory2
VKAPI_ATTR VkResult VKAPI_CALL vmb_MapMemory2(
	VkDevice handle, const VkMemoryMapInfoKHR *info, void **out)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct vmb_scope scope;

	if (!device->virtgpu) {
		return device->next.MapMemory2KHR(handle, info, out);
	}
	vmb_scope_begin(&scope, device->virtgpu, VMB_SCOPE_MAP);
	VkResult result = device->next.MapMemory2KHR(handle, info, out);
	return end_map(&scope, result, VK_ERROR_MEMORY_MAP_FAILED);
}
#endif

VKAPI_ATTR VkResult VKAPI_CALL vmb_BindImageMemory(
	VkDevice handle, VkImage image, VkDeviceMemory memory, VkDeviceSize offset)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct vmb_scope scope;

	if (!device->virtgpu) {
		return device->next.BindImageMemory(handle, image, memory, offset);
	}
	vmb_scope_begin(&scope, device->virtgpu, VMB_SCOPE_MAP);
	VkResult result = device->next.BindImageMemory(handle, image, memory, offset);
	return end_map(&scope, result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_BindImageMemory2(
	VkDevice handle, uint32_t count, const VkBindImageMemoryInfo *infos)
{
	struct vmb_device *device = vmb_device_of(handle);
	struct vmb_scope scope;

	if (!device->virtgpu) {
		return device->next.BindImageMemory2(handle, count, infos);
	}
	vmb_scope_begin(&scope, device->virtgpu, VMB_SCOPE_MAP);
	VkResult result = device->next.BindImageMemory2(handle, count, infos);
	return end_map(&scope, result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
}
