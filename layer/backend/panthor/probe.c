/* SPDX-License-Identifier: MIT */
#include "backend/panthor/probe.h"

#include <unistd.h>

#include "backend/panthor/translator.h"
#include "backend/panthor/vm.h"

/* The probe measures the address space with at most RANGES reservations. Their sizes are between
 * LARGEST and SMALLEST, in bytes. Smaller free ranges do not count. */
#define LARGEST (UINT64_C(1) << 46)
#define SMALLEST (UINT64_C(32) << 20)
#define RANGES 256

#define PROBE_FUNCTIONS(X) \
	X(AllocateMemory) \
	X(FreeMemory) \
	X(CreateSemaphore) \
	X(DestroySemaphore) \
	X(GetSemaphoreFdKHR) \
	X(CreateFence) \
	X(DestroyFence) \
	X(WaitForFences) \
	X(QueueSubmit)

struct probe {
	const struct vmb_probe_device *device;
	struct {
		PROBE_FUNCTIONS(VMB_PROBE_MEMBER)
	} vk;
	struct vmb_vm *vm;
	VkSemaphore semaphore; /* a timeline semaphore */
	uint32_t timeline; /* the VM's name for it */
	VkFence fence;
	VkDeviceMemory memory;
	struct vmb_backing backing;
	VkDeviceMemory range;
	struct vmb_reservation reservation;
};

static bool look_up(struct probe *probe)
{
	bool found = true;

	PROBE_FUNCTIONS(VMB_PROBE_LOOK_UP)
	return found;
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
	VkDevice device = probe->device->handle;
	int fd;

	if (probe->vk.CreateSemaphore(device, &semaphore, probe->device->allocator,
		    &probe->semaphore) != VK_SUCCESS ||
		probe->vk.CreateFence(device, &fence, probe->device->allocator, &probe->fence) !=
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

	if (probe->vk.AllocateMemory(probe->device->handle, &info, probe->device->allocator, out) !=
		VK_SUCCESS) {
		*out = VK_NULL_HANDLE;
		return false;
	}
	return true;
}

static bool create_memory(struct probe *probe)
{
	uint64_t page = probe->vm->granularity;
	struct vmb_capture capture;

	probe->vm->impl->capture_begin(probe->vm, &capture, VMB_CAPTURE_MEMORY);
	bool allocated = allocate(probe, page, &probe->memory);
	int ret = probe->vm->impl->capture_memory(probe->vm, &capture, &probe->backing);
	if (!allocated || ret < 0 || probe->backing.size < page) {
		return false;
	}
	probe->vm->impl->capture_begin(probe->vm, &capture, VMB_CAPTURE_RESERVATION);
	allocated = allocate(probe, 4 * page, &probe->range);
	ret = probe->vm->impl->capture_reservation(probe->vm, &capture, &probe->reservation);
	return allocated && ret == 0 && probe->reservation.size >= 4 * page;
}

/* Binds the memory to the middle of the range, unbinds it, and has the driver's queue wait for
 * both. */
static bool probe_binds(struct probe *probe)
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
		probe->vk.QueueSubmit(probe->device->queue, 1, &submit, probe->fence) ==
		VK_SUCCESS &&
		probe->vk.WaitForFences(probe->device->handle, 1, &probe->fence, VK_TRUE,
			VMB_PROBE_TIMEOUT_NS) == VK_SUCCESS;
}

/* Allocates ranges until the driver has no addresses left, and returns the sum of their sizes. The
 * size halves after each failure. Frees all ranges. */
static uint64_t measure_address_space(struct probe *probe, struct vmb_intercept *intercept)
{
	VkDeviceMemory ranges[RANGES];
	uint64_t size = LARGEST;
	uint32_t count = 0;
	uint64_t sum = 0;

	while (size > probe->device->max_allocation) {
		size /= 2;
	}
	while (count < RANGES && size >= SMALLEST) {
		struct vmb_panthor_call call;
		vmb_panthor_call_begin(&call, intercept, VMB_PANTHOR_CALL_MEASURE);
		bool allocated = allocate(probe, size, &ranges[count]);
		vmb_driver_call_end(&call.base);
		if (allocated) {
			sum += size;
			count++;
		} else {
			size /= 2;
		}
	}
	while (count > 0) {
		probe->vk.FreeMemory(
			probe->device->handle, ranges[--count], probe->device->allocator);
	}
	return sum;
}

static void finish(struct probe *probe)
{
	const VkAllocationCallbacks *allocator = probe->device->allocator;
	VkDevice device = probe->device->handle;

	probe->vm->impl->memory_destroy(probe->vm, &probe->backing);
	probe->vk.FreeMemory(device, probe->memory, allocator);
	probe->vk.FreeMemory(device, probe->range, allocator);
	if (probe->timeline) {
		probe->vm->impl->forget_timeline(probe->vm, probe->timeline);
	}
	probe->vk.DestroySemaphore(device, probe->semaphore, allocator);
	probe->vk.DestroyFence(device, probe->fence, allocator);
}

const char *vmb_panthor_probe(const struct vmb_probe_device *device, uint64_t *address_space)
{
	struct probe probe = { .device = device, .vm = device->vm };

	if (!look_up(&probe)) {
		return "the driver lacks a command that the layer needs";
	}
	const char *failure = NULL;
	if (!create_syncs(&probe)) {
		failure = "the layer cannot share a timeline semaphore with the driver";
	} else if (!create_memory(&probe)) {
		failure = "the layer cannot see how the driver allocates memory";
	} else if (!probe_binds(&probe)) {
		failure = "a sparse bind on the device failed";
	} else {
		*address_space = measure_address_space(
			&probe, vmb_panthor_vm_intercept(device->vm));
	}
	finish(&probe);
	return failure;
}
