/* SPDX-License-Identifier: MIT */
#include "backend/probe.h"

#include <unistd.h>

#include "backend/panthor/vm.h"
#include "backend/probe_device.h"
#include "ioctl/intercept.h"
#include "vk/allocator.h"

/* What is reserved to find out how much can be, largest first. Small rests do not count. */
#define LARGEST (UINT64_C(1) << 46)
#define SMALLEST (UINT64_C(32) << 20)
#define RANGES 256

struct probe {
	struct vmb_tap *tap;
	struct vmb_probe_device device;
	struct vmb_device_dispatch vk;
	struct vmb_vm *vm;
	VkSemaphore semaphore; /* a timeline */
	uint32_t timeline; /* the VM's name for it */
	VkFence fence;
	VkDeviceMemory memory;
	struct vmb_backing backing;
	VkDeviceMemory range;
	struct vmb_reservation reservation;
};

static bool create_device(struct probe *probe, const struct vmb_physical_device *physical)
{
	static const struct vmb_probe_extension extensions[] = {
		{ VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME, 0 },
		{ VK_KHR_EXTERNAL_SEMAPHORE_EXTENSION_NAME, VK_API_VERSION_1_1 },
		{ VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME, VK_API_VERSION_1_2 },
	};
	const VkPhysicalDeviceTimelineSemaphoreFeatures timeline = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES,
		.timelineSemaphore = VK_TRUE,
	};
	struct vmb_scope scope;

	if (vmb_tap_create(&probe->tap) < 0) {
		return false;
	}
	vmb_scope_begin(&scope, probe->tap, VMB_SCOPE_DEVICE);
	bool created = vmb_probe_device_create(&probe->device, physical, extensions,
		sizeof(extensions) / sizeof(extensions[0]), &timeline);
	vmb_scope_end(&scope);
	if (created && !vmb_tap_is_live(probe->tap)) {
		vmb_instance_log(physical->instance, VMB_LOG_WARN,
			"%s: none of the driver's ioctls was seen while a device was created",
			physical->name);
	}
	if (!created || !vmb_tap_is_live(probe->tap)) {
		return false;
	}
	vmb_device_dispatch_init(&probe->vk, probe->device.handle,
		vmb_physical_device_api_version(physical->instance, physical->handle),
		probe->device.get);
	return probe->vk.GetSemaphoreFdKHR && vmb_panthor_vm_create(probe->tap, &probe->vm) == 0;
}

static bool create_syncs(struct probe *probe)
{
	const VkExportSemaphoreCreateInfo shared = {
		.sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
		.handleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT,
	};
	const VkSemaphoreTypeCreateInfo type = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.pNext = &shared,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
	};
	const VkSemaphoreCreateInfo semaphore = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
		.pNext = &type,
	};
	const VkFenceCreateInfo fence = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
	VkDevice device = probe->device.handle;
	int fd;

	if (probe->vk.CreateSemaphore(device, &semaphore, &vmb_allocator, &probe->semaphore) !=
			VK_SUCCESS ||
		probe->vk.CreateFence(device, &fence, &vmb_allocator, &probe->fence) !=
			VK_SUCCESS) {
		return false;
	}
	const VkSemaphoreGetFdInfoKHR get = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR,
		.semaphore = probe->semaphore,
		.handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT,
	};
	if (probe->vk.GetSemaphoreFdKHR(device, &get, &fd) != VK_SUCCESS) {
		return false;
	}
	int ret = probe->vm->impl->import_timeline(probe->vm, fd, &probe->timeline);
	close(fd);
	return ret == 0;
}

static bool allocate(struct probe *probe, uint64_t size, VkDeviceMemory *out)
{
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = size,
	};

	if (probe->vk.AllocateMemory(probe->device.handle, &info, &vmb_allocator, out) !=
		VK_SUCCESS) {
		*out = VK_NULL_HANDLE;
		return false;
	}
	return true;
}

static bool create_memory(struct probe *probe)
{
	uint64_t page = probe->vm->granularity;
	struct vmb_scope scope;

	probe->vm->impl->watch(probe->vm, &scope, VMB_SCOPE_MEMORY);
	bool allocated = allocate(probe, page, &probe->memory);
	int ret = probe->vm->impl->backed(probe->vm, &scope, &probe->backing);
	if (!allocated || ret < 0 || probe->backing.size < page) {
		return false;
	}
	probe->vm->impl->watch(probe->vm, &scope, VMB_SCOPE_RESERVE);
	allocated = allocate(probe, 4 * page, &probe->range);
	ret = probe->vm->impl->reserved(probe->vm, &scope, &probe->reservation);
	return allocated && ret == 0 && probe->reservation.size >= 4 * page;
}

/* Binds the memory to the middle of the range, takes it away, and has the driver's queue wait. */
static bool try_binds(struct probe *probe)
{
	uint64_t page = probe->vm->granularity;
	const struct vmb_op map = {
		.kind = VMB_OP_MAP,
		.va = probe->reservation.va + page,
		.size = page,
		.backing = probe->backing.id,
	};
	const struct vmb_op sparse = { .kind = VMB_OP_SPARSE, .va = map.va, .size = page };
	const struct vmb_point bound = { probe->timeline, 1 };
	const struct vmb_point unbound = { probe->timeline, 2 };
	const VkTimelineSemaphoreSubmitInfo timeline = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = 1,
		.pWaitSemaphoreValues = &unbound.value,
	};
	const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	const VkSubmitInfo submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &timeline,
		.waitSemaphoreCount = 1,
		.pWaitSemaphores = &probe->semaphore,
		.pWaitDstStageMask = &stage,
	};

	return probe->vm->impl->submit(probe->vm, &map, 1, NULL, &bound) == 0 &&
		probe->vm->impl->submit(probe->vm, &sparse, 1, &bound, &unbound) == 0 &&
		probe->vk.QueueSubmit(probe->device.queue, 1, &submit, probe->fence) ==
		VK_SUCCESS &&
		probe->vk.WaitForFences(probe->device.handle, 1, &probe->fence, VK_TRUE,
			VMB_PROBE_PATIENCE_NS) == VK_SUCCESS;
}

static uint64_t largest_allocation(const struct vmb_physical_device *physical)
{
	VkPhysicalDeviceMaintenance3Properties limits = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
		.maxMemoryAllocationSize = LARGEST,
	};
	VkPhysicalDeviceProperties2 all = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &limits,
	};
	uint64_t size = LARGEST;

	physical->instance->next.GetPhysicalDeviceProperties2(physical->handle, &all);
	while (size > limits.maxMemoryAllocationSize) {
		size /= 2;
	}
	return size;
}

/* Takes all addresses that the driver has, in pieces that halve whenever it refuses one. */
static uint64_t measure(struct probe *probe)
{
	uint64_t size = largest_allocation(probe->device.physical);
	VkDeviceMemory ranges[RANGES];
	uint32_t count = 0;
	uint64_t sum = 0;

	while (count < RANGES && size >= SMALLEST) {
		struct vmb_scope scope;
		vmb_scope_begin(&scope, probe->tap, VMB_SCOPE_MEASURE);
		bool allocated = allocate(probe, size, &ranges[count]);
		vmb_scope_end(&scope);
		if (allocated) {
			sum += size;
			count++;
		} else {
			size /= 2;
		}
	}
	while (count > 0) {
		probe->vk.FreeMemory(probe->device.handle, ranges[--count], &vmb_allocator);
	}
	return sum;
}

static void finish_vm(struct probe *probe)
{
	VkDevice device = probe->device.handle;

	probe->vm->impl->unback(probe->vm, &probe->backing, true);
	probe->vk.FreeMemory(device, probe->memory, &vmb_allocator);
	probe->vk.FreeMemory(device, probe->range, &vmb_allocator);
	if (probe->timeline) {
		probe->vm->impl->forget_timeline(probe->vm, probe->timeline);
	}
	probe->vk.DestroySemaphore(device, probe->semaphore, &vmb_allocator);
	probe->vk.DestroyFence(device, probe->fence, &vmb_allocator);
	vmb_vm_destroy(probe->vm);
}

bool vmb_probe_panthor(const struct vmb_physical_device *physical, uint64_t *address_space)
{
	struct probe probe = { 0 };

	bool passed = create_device(&probe, physical) && create_syncs(&probe) &&
		create_memory(&probe) && try_binds(&probe);
	if (passed) {
		*address_space = measure(&probe);
	}
	if (probe.vm) {
		finish_vm(&probe);
	}
	vmb_tap_destroy(probe.tap);
	vmb_probe_device_destroy(&probe.device);
	return passed;
}
