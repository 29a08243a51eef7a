/* SPDX-License-Identifier: MIT */
#include "virtgpu/device.h"
#include "vk/chain.h"

/* Logs the decision about deferral once for each device, as soon as it is made. */
static void log_deferral(struct vmb_virtgpu_device *virtgpu)
{
	struct vmb_virtgpu *file = vmb_virtgpu_intercept_file(virtgpu->intercept);
	const struct vmb_virtgpu_facts *facts = file ? vmb_virtgpu_facts(file) : NULL;

	if (facts && !atomic_exchange(&virtgpu->deferral_logged, true)) {
		vmb_device_log(virtgpu->device, VMB_LOG_INFO,
			"%s: blobs are %s: %s (hostmem of %llu MiB, hint honoured: %s)",
			virtgpu->device->physical->name,
			facts->defers ? "deferred" : "mapped at once", facts->reason,
			(unsigned long long)(facts->hostmem_size >> 20),
			vmb_honoured_name(facts->honoured));
	}
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice handle,
	const VkMemoryAllocateInfo *info, const VkAllocationCallbacks *allocator,
	VkDeviceMemory *out)
{
	struct vmb_virtgpu_device *virtgpu = vmb_virtgpu_device_of(handle);
	struct vmb_virtgpu_call call;

	vmb_virtgpu_call_begin(&call, virtgpu->intercept, true);
	call.memory_type = info->memoryTypeIndex;
	VkResult result = virtgpu->next.AllocateMemory(handle, info, allocator, out);
	call.has_failed = result != VK_SUCCESS;
	vmb_driver_call_end(&call.base);
	log_deferral(virtgpu);
	return result;
}

/*
 * In the following commands a driver may map memory for the first time, and hostmem may be full.
 * Some drivers ignore the failed ioctl and return success. The layer then returns the error.
 */

static VkResult end_map(struct vmb_virtgpu_call *call, VkResult result, VkResult error)
{
	vmb_driver_call_end(&call->base);
	return result == VK_SUCCESS && call->was_refused ? error : result;
}

static VKAPI_ATTR VkResult VKAPI_CALL map_memory(VkDevice handle, VkDeviceMemory memory,
	VkDeviceSize offset, VkDeviceSize size, VkMemoryMapFlags flags, void **out)
{
	struct vmb_virtgpu_device *virtgpu = vmb_virtgpu_device_of(handle);
	struct vmb_virtgpu_call call;

	vmb_virtgpu_call_begin(&call, virtgpu->intercept, false);
	VkResult result = virtgpu->next.MapMemory(handle, memory, offset, size, flags, out);
	return end_map(&call, result, VK_ERROR_MEMORY_MAP_FAILED);
}

static VKAPI_ATTR VkResult VKAPI_CALL map_memory2(
	VkDevice handle, const VkMemoryMapInfoKHR *info, void **out)
{
	struct vmb_virtgpu_device *virtgpu = vmb_virtgpu_device_of(handle);
	struct vmb_virtgpu_call call;

	vmb_virtgpu_call_begin(&call, virtgpu->intercept, false);
	VkResult result = virtgpu->next.MapMemory2(handle, info, out);
	return end_map(&call, result, VK_ERROR_MEMORY_MAP_FAILED);
}

static VKAPI_ATTR VkResult VKAPI_CALL bind_image_memory(
	VkDevice handle, VkImage image, VkDeviceMemory memory, VkDeviceSize offset)
{
	struct vmb_virtgpu_device *virtgpu = vmb_virtgpu_device_of(handle);
	struct vmb_virtgpu_call call;

	vmb_virtgpu_call_begin(&call, virtgpu->intercept, false);
	VkResult result = virtgpu->next.BindImageMemory(handle, image, memory, offset);
	return end_map(&call, result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
}

/* For a call that the layer fails although the driver reports success. The layer does not know
 * which bind was refused, so every bind fails. */
static void fail_binds(uint32_t count, const VkBindImageMemoryInfo *infos, VkResult error)
{
	for (uint32_t i = 0; i < count; i++) {
		const VkBindMemoryStatusKHR *status = vmb_chain_find(
			infos[i].pNext, VK_STRUCTURE_TYPE_BIND_MEMORY_STATUS_KHR);
		if (status) {
			*status->pResult = error;
		}
	}
}

static VKAPI_ATTR VkResult VKAPI_CALL bind_image_memory2(
	VkDevice handle, uint32_t count, const VkBindImageMemoryInfo *infos)
{
	struct vmb_virtgpu_device *virtgpu = vmb_virtgpu_device_of(handle);
	struct vmb_virtgpu_call call;

	vmb_virtgpu_call_begin(&call, virtgpu->intercept, false);
	VkResult drivers = virtgpu->next.BindImageMemory2(handle, count, infos);
	VkResult result = end_map(&call, drivers, VK_ERROR_OUT_OF_DEVICE_MEMORY);
	if (result != drivers) {
		fail_binds(count, infos, result);
	}
	return result;
}

const struct vmb_device_commands vmb_virtgpu_memory_commands = {
	.AllocateMemory = allocate_memory,
	.MapMemory = map_memory,
	.MapMemory2 = map_memory2,
	.BindImageMemory = bind_image_memory,
	.BindImageMemory2 = bind_image_memory2,
};
