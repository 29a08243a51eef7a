/* SPDX-License-Identifier: MIT */
#include "backend/host/probe.h"

#include <string.h>
#include <sys/mman.h>

#include "backend/host/mapping.h"

#define PROBE_FUNCTIONS(X) \
	X(GetMemoryHostPointerPropertiesEXT) \
	X(AllocateMemory) \
	X(FreeMemory) \
	X(CreateBuffer) \
	X(DestroyBuffer) \
	X(GetBufferMemoryRequirements) \
	X(BindBufferMemory) \
	X(CreateCommandPool) \
	X(DestroyCommandPool) \
	X(AllocateCommandBuffers) \
	X(BeginCommandBuffer) \
	X(CmdCopyBuffer) \
	X(EndCommandBuffer) \
	X(QueueSubmit) \
	X(CreateFence) \
	X(DestroyFence) \
	X(ResetFences) \
	X(WaitForFences)

struct probe {
	const struct vmb_probe_device *device;
	struct {
		PROBE_FUNCTIONS(VMB_PROBE_MEMBER)
	} vk;
	/* Two pages side by side: the first is remapped, the second is not. */
	unsigned char *pages;
	size_t page;
	VkDeviceMemory memory;
	VkBuffer buffer;
	VkCommandPool pool;
	VkFence fence;
};

static bool look_up(struct probe *probe)
{
	bool found = true;

	PROBE_FUNCTIONS(VMB_PROBE_LOOK_UP)
	return found;
}

static bool create_buffer(struct probe *probe)
{
	const VkExternalMemoryBufferCreateInfo external = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
		.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
	};
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.pNext = &external,
		.size = 2 * probe->page,
		.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	VkMemoryHostPointerPropertiesEXT host = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT,
	};
	VkMemoryRequirements requirements;

	probe->pages = mmap(NULL, 2 * probe->page, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (probe->pages == MAP_FAILED) {
		probe->pages = NULL;
		return false;
	}
	if (probe->vk.CreateBuffer(probe->device->handle, &info, probe->device->allocator,
		    &probe->buffer) != VK_SUCCESS) {
		return false;
	}
	probe->vk.GetBufferMemoryRequirements(probe->device->handle, probe->buffer, &requirements);
	if (probe->vk.GetMemoryHostPointerPropertiesEXT(probe->device->handle,
		    VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, probe->pages,
		    &host) != VK_SUCCESS) {
		return false;
	}
	uint32_t types = host.memoryTypeBits & requirements.memoryTypeBits;
	if (!types || requirements.size > info.size) {
		return false;
	}
	const VkImportMemoryHostPointerInfoEXT import = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
		.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
		.pHostPointer = probe->pages,
	};
	const VkMemoryAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = &import,
		.allocationSize = info.size,
		.memoryTypeIndex = (uint32_t)__builtin_ctz(types),
	};
	return probe->vk.AllocateMemory(probe->device->handle, &allocate, probe->device->allocator,
		       &probe->memory) == VK_SUCCESS &&
		probe->vk.BindBufferMemory(
			probe->device->handle, probe->buffer, probe->memory, 0) == VK_SUCCESS;
}

static bool create_pool(struct probe *probe)
{
	const VkCommandPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.queueFamilyIndex = probe->device->family,
	};
	const VkFenceCreateInfo fence = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };

	return probe->vk.CreateCommandPool(probe->device->handle, &pool, probe->device->allocator,
		       &probe->pool) == VK_SUCCESS &&
		probe->vk.CreateFence(probe->device->handle, &fence, probe->device->allocator,
			&probe->fence) == VK_SUCCESS;
}

/* The device copies one page of the buffer to the other. */
static bool copy_page(struct probe *probe, VkDeviceSize from, VkDeviceSize to)
{
	const VkCommandBufferAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = probe->pool,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 1,
	};
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};
	const VkBufferCopy region = { .srcOffset = from, .dstOffset = to, .size = probe->page };
	VkCommandBuffer commands;

	if (probe->vk.AllocateCommandBuffers(probe->device->handle, &allocate, &commands) !=
		VK_SUCCESS) {
		return false;
	}
	vmb_probe_device_adopt(probe->device, commands);
	if (probe->vk.BeginCommandBuffer(commands, &begin) != VK_SUCCESS) {
		return false;
	}
	probe->vk.CmdCopyBuffer(commands, probe->buffer, probe->buffer, 1, &region);
	if (probe->vk.EndCommandBuffer(commands) != VK_SUCCESS) {
		return false;
	}
	const VkSubmitInfo submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &commands,
	};
	return probe->vk.QueueSubmit(probe->device->queue, 1, &submit, probe->fence) ==
		VK_SUCCESS &&
		probe->vk.WaitForFences(probe->device->handle, 1, &probe->fence, VK_TRUE,
			VMB_PROBE_TIMEOUT_NS) == VK_SUCCESS &&
		probe->vk.ResetFences(probe->device->handle, 1, &probe->fence) == VK_SUCCESS;
}

static bool page_holds(const unsigned char *page, size_t size, unsigned char value)
{
	for (size_t i = 0; i < size; i++) {
		if (page[i] != value) {
			return false;
		}
	}
	return true;
}

/* The VM maps the backing over the buffer's first page. */
static bool sees_remap(struct probe *probe, const struct vmb_backing *backing)
{
	struct vmb_vm *vm = probe->device->vm;
	unsigned char *first = probe->pages;
	unsigned char *second = probe->pages + probe->page;
	const struct vmb_op map = {
		.kind = VMB_OP_MAP,
		.va = (uintptr_t)first,
		.size = probe->page,
		.backing = backing->id,
		.offset = backing->offset,
	};
	size_t done;

	memset(first, 0x11, probe->page);
	if (!copy_page(probe, 0, probe->page) || !page_holds(second, probe->page, 0x11)) {
		return false;
	}
	memset(backing->map, 0x22, probe->page);
	if (vm->impl->execute(vm, &map, 1, &done) < 0) {
		return false;
	}
	if (!copy_page(probe, 0, probe->page) || !page_holds(second, probe->page, 0x22)) {
		return false;
	}
	memset(second, 0x33, probe->page);
	return copy_page(probe, probe->page, 0) && page_holds(backing->map, probe->page, 0x33);
}

static const char *probe_remap(struct probe *probe)
{
	struct vmb_vm *vm = probe->device->vm;
	struct vmb_backing backing;

	if (vm->impl->memory_create(vm, probe->page, false, &backing) < 0) {
		return "the process has no memory or no addresses for the layer's probe";
	}
	bool seen = sees_remap(probe, &backing);
	vm->impl->memory_destroy(vm, &backing, true);
	return seen ? NULL : "the device does not see remapped host memory";
}

static void finish(struct probe *probe)
{
	const VkAllocationCallbacks *allocator = probe->device->allocator;
	VkDevice device = probe->device->handle;

	probe->vk.DestroyFence(device, probe->fence, allocator);
	probe->vk.DestroyCommandPool(device, probe->pool, allocator);
	probe->vk.DestroyBuffer(device, probe->buffer, allocator);
	probe->vk.FreeMemory(device, probe->memory, allocator);
	if (probe->pages) {
		munmap(probe->pages, 2 * probe->page);
	}
}

const char *vmb_host_probe(const struct vmb_probe_device *device, uint64_t *address_space)
{
	struct probe probe = { .device = device, .page = (size_t)device->vm->granularity };

	if (!look_up(&probe)) {
		return "the driver lacks a command that the layer needs";
	}
	const char *failure = "the driver cannot import host memory";
	if (create_buffer(&probe)) {
		failure = create_pool(&probe) ? probe_remap(&probe)
					      : "the driver cannot create a command pool";
	}
	finish(&probe);
	if (!failure) {
		*address_space = vmb_host_address_space();
	}
	return failure;
}
