/* SPDX-License-Identifier: MIT */
#include "vk/device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vk_layer.h>

#include "assist/assist.h"
#include "backend/host/vm.h"
#include "backend/panthor/vm.h"
#include "ioctl/intercept.h"
#include "observe/calls.h"
#include "observe/resource.h"
#include "provide/device_create_info.h"
#include "provide/memory.h"
#include "provide/queue.h"
#include "provide/resource.h"

/* By the loader's dispatch pointer, which a device shares with its queues. */
static struct vmb_map devices = VMB_MAP_INITIALIZER;

__attribute__((destructor)) static void finish_devices(void)
{
	vmb_map_finish_empty(&devices);
}

struct vmb_device *vmb_device_of(const void *dispatchable)
{
	return vmb_map_find(&devices, vmb_dispatch_key(dispatchable));
}

void vmb_device_lose(struct vmb_device *device, const char *what, int error)
{
	vmb_device_log(device, VMB_LOG_ERROR, "device lost: %s: %s", what, strerror(-error));
	atomic_store_explicit(&device->lost, true, memory_order_release);
}

static VkLayerDeviceCreateInfo *find_link(const VkDeviceCreateInfo *info)
{
	for (const VkBaseInStructure *node = info->pNext; node; node = node->pNext) {
		VkLayerDeviceCreateInfo *loader = (void *)(uintptr_t)node;
		if (node->sType == VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO &&
			loader->function == VK_LAYER_LINK_INFO) {
			return loader;
		}
	}
	return NULL;
}

/* Asks which memory types imported host memory may have, with a page to ask about. */
static VkResult find_import_types(struct vmb_device *device)
{
	VkMemoryHostPointerPropertiesEXT properties = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT,
	};
	struct vmb_reservation page;

	int ret = device->vm->impl->reserve(
		device->vm, device->vm->granularity, device->vm->granularity, &page);
	if (ret < 0) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkResult result = device->next.GetMemoryHostPointerPropertiesEXT(device->handle,
		VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, (void *)(uintptr_t)page.va,
		&properties);
	device->sparse_types = properties.memoryTypeBits;
	device->vm->impl->release(device->vm, &page);
	return result == VK_SUCCESS ? VK_SUCCESS : VK_ERROR_INITIALIZATION_FAILED;
}

static void find_heap_sizes(struct vmb_device *device)
{
	VkPhysicalDeviceMemoryProperties properties;

	device->physical->instance->next.GetPhysicalDeviceMemoryProperties(
		device->physical->handle, &properties);
	for (uint32_t i = 0; i < properties.memoryTypeCount; i++) {
		device->heap_sizes[i] =
			properties.memoryHeaps[properties.memoryTypes[i].heapIndex].size;
	}
}

static int create_vm(struct vmb_device *device)
{
	if (device->physical->backend == VMB_BACKEND_HOST) {
		return vmb_host_create(device->physical->granularity, &device->vm);
	}
	/* Without the driver's ioctls there is nothing to work on. */
	return device->tap && vmb_tap_is_live(device->tap)
		? vmb_panthor_vm_create(device->tap, &device->vm)
		: -ENODEV;
}

static VkResult find_types(struct vmb_device *device)
{
	if (!vmb_vm_imports(device->vm)) {
		device->sparse_types = UINT32_MAX;
		return VK_SUCCESS;
	}
	find_heap_sizes(device);
	return find_import_types(device);
}

/* Gives the device its VM and tables. On failure there is nothing to undo but the driver's part. */
static VkResult init_provide(struct vmb_device *device, const struct vmb_device_info *info)
{
	int ret = create_vm(device);
	if (ret < 0) {
		vmb_device_log(device, VMB_LOG_ERROR, "cannot set up memory: %s", strerror(-ret));
		vmb_tap_destroy(device->tap);
		return ret == -ENOMEM ? VK_ERROR_OUT_OF_HOST_MEMORY
				      : VK_ERROR_INITIALIZATION_FAILED;
	}
	device->vm->trace = device->trace;
	VkResult result = find_types(device);
	if (result != VK_SUCCESS) {
		vmb_vm_destroy(device->vm);
		device->vm = NULL;
		vmb_tap_destroy(device->tap);
		return result;
	}
	device->has_addresses = info->has_addresses;
	device->tracks_residency = device->physical->instance->settings.stats != NULL;
	device->hides_host_import = info->added_host_import;
	device->hides_timeline = info->added_timeline;
	device->hides_semaphore_fd = info->added_semaphore_fd;
	vmb_map_init(&device->memories);
	vmb_map_init(&device->buffers);
	vmb_map_init(&device->images);
	pthread_mutex_init(&device->queues_lock, NULL);
	pthread_mutex_init(&device->submit_lock, NULL);
	return VK_SUCCESS;
}

static void finish_provide(struct vmb_device *device)
{
	struct vmb_resource *resource;
	struct vmb_memory *memory;
	struct vmb_queue *queue;

	if (!device->vm) {
		return;
	}
	/* Workers first: their plans name the resources and the memory. The timelines of their queues
	 * last: resources wait for them. */
	for (queue = device->queues; queue; queue = queue->next) {
		vmb_queue_stop(queue);
	}
	while ((resource = vmb_map_pop(&device->buffers)) ||
		(resource = vmb_map_pop(&device->images))) {
		vmb_resource_destroy(resource);
	}
	while ((memory = vmb_map_pop(&device->memories))) {
		vmb_memory_destroy(memory, NULL);
	}
	while ((queue = device->queues)) {
		device->queues = queue->next;
		vmb_queue_destroy(queue);
	}
	vmb_map_finish(&device->memories);
	vmb_map_finish(&device->buffers);
	vmb_map_finish(&device->images);
	pthread_mutex_destroy(&device->queues_lock);
	pthread_mutex_destroy(&device->submit_lock);
	vmb_vm_destroy(device->vm);
	vmb_tap_destroy(device->tap);
}

/* Has the driver create its device, seen by a tap if there is one. */
static VkResult create_drivers(const struct vmb_device *device, VkPhysicalDevice physical,
	const VkDeviceCreateInfo *info, const VkAllocationCallbacks *allocator, VkDevice *out)
{
	const struct vmb_instance *instance = vmb_instance_of(physical);
	struct vmb_tap *tap = device->tap ? device->tap : device->virtgpu;
	struct vmb_scope scope;

	if (!tap) {
		return instance->next.CreateDevice(physical, info, allocator, out);
	}
	vmb_scope_begin(&scope, tap, VMB_SCOPE_DEVICE);
	VkResult result = instance->next.CreateDevice(physical, info, allocator, out);
	vmb_scope_end(&scope);
	return result;
}

/* The tap that the device needs, if any. */
static void create_tap(struct vmb_device *device)
{
	int ret = 0;

	if (device->route != VMB_ROUTE_NATIVE && device->physical->backend != VMB_BACKEND_HOST) {
		ret = vmb_tap_create(&device->tap);
	} else if (device->physical && device->physical->is_virtgpu) {
		const struct vmb_virtgpu_driver driver = {
			.wish = device->physical->instance->settings.defer_blobs,
			/* Venus maps nothing that it was not asked to map. */
			.late_types = device->physical->is_venus ? UINT32_MAX : 0,
			.trace = device->trace,
		};
		ret = vmb_tap_create_virtgpu(&driver, &device->virtgpu);
	}
	if (ret < 0) {
		vmb_device_log(device, VMB_LOG_WARN, "the driver's ioctls cannot be seen: %s",
			strerror(-ret));
		return;
	}
	if (device->tap) {
		device->tap->trace = device->trace;
	}
}

/* Sets up what the route needs. On failure there is nothing to undo but the driver's part. */
static VkResult init_route(struct vmb_device *device, const struct vmb_device_info *info)
{
	switch (device->route) {
	case VMB_ROUTE_ASSIST:
		vmb_assist_init(device);
		return VK_SUCCESS;
	case VMB_ROUTE_PROVIDE:
		return init_provide(device, info);
	default:
		return VK_SUCCESS;
	}
}

static void finish_route(struct vmb_device *device)
{
	vmb_tap_destroy(device->virtgpu);
	device->virtgpu = NULL;
	switch (device->route) {
	case VMB_ROUTE_ASSIST:
		vmb_assist_finish(device);
		break;
	case VMB_ROUTE_PROVIDE:
		finish_provide(device);
		break;
	default:
		break;
	}
}

/* *out is what the loader has put there: its end of the chain reads it. */
static VkResult create_next(struct vmb_device *device, VkPhysicalDevice physical,
	const VkDeviceCreateInfo *info, const VkAllocationCallbacks *allocator, VkDevice *out)
{
	const struct vmb_instance *instance = vmb_instance_of(physical);
	VkLayerDeviceCreateInfo *link = find_link(info);
	PFN_vkGetDeviceProcAddr next = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
	struct vmb_device_info rewritten = { .info = *info };
	enum vmb_route route = device->physical ? device->physical->route : VMB_ROUTE_NATIVE;

	/* The loader's protocol: each layer moves the link on for the next one. */
	link->u.pLayerInfo = link->u.pLayerInfo->pNext;
	VkResult result = route == VMB_ROUTE_NATIVE
		? VK_SUCCESS
		: vmb_device_info_init(&rewritten, device->physical, info);
	if (result != VK_SUCCESS) {
		return result;
	}
	device->route = rewritten.wants_sparse ? route : VMB_ROUTE_NATIVE;
	create_tap(device);
	result = create_drivers(device, physical, &rewritten.info, allocator, out);
	vmb_device_info_finish(&rewritten);
	if (result != VK_SUCCESS) {
		vmb_tap_destroy(device->tap);
		vmb_tap_destroy(device->virtgpu);
		return result;
	}

	device->handle = *out;
	vmb_device_dispatch_init(&device->next, device->handle,
		vmb_physical_device_api_version(instance, physical), next);
	result = init_route(device, &rewritten);
	if (result != VK_SUCCESS) {
		vmb_tap_destroy(device->virtgpu);
		device->next.DestroyDevice(device->handle, allocator);
	}
	return result;
}

/* Makes the next layers' device and enters ours, which stays the caller's on failure. */
static VkResult enter_device(struct vmb_device *device, VkPhysicalDevice physical,
	const VkDeviceCreateInfo *info, const VkAllocationCallbacks *allocator, VkDevice *out)
{
	VkResult result = create_next(device, physical, info, allocator, out);

	if (result != VK_SUCCESS) {
		return result;
	}
	vmb_traced_resources_init(device);
	if (vmb_map_insert(&devices, vmb_dispatch_key(device->handle), device) < 0) {
		vmb_traced_resources_finish(device);
		finish_route(device);
		device->next.DestroyDevice(device->handle, allocator);
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_CreateDevice(VkPhysicalDevice physical,
	const VkDeviceCreateInfo *info, const VkAllocationCallbacks *allocator, VkDevice *out)
{
	struct vmb_device *device = calloc(1, sizeof(*device));
	struct vmb_trace_slice slice;

	if (!device) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	device->trace = vmb_instance_of(physical)->trace;
	device->physical = vmb_physical_device_get(physical);
	vmb_trace_begin(&slice, device->trace, "vkCreateDevice");
	VkResult result = enter_device(device, physical, info, allocator, out);
	if (device->trace) {
		vmb_traced_device(&slice, device);
		vmb_traced_end(&slice, result);
	}
	if (result != VK_SUCCESS) {
		free(device);
	}
	return result;
}

VKAPI_ATTR void VKAPI_CALL vmb_DestroyDevice(
	VkDevice handle, const VkAllocationCallbacks *allocator)
{
	if (!handle) {
		return;
	}
	struct vmb_device *device = vmb_map_remove(&devices, vmb_dispatch_key(handle));
	if (device->physical) {
		vmb_stats_write(device);
	}
	bool is_stuck = device->vm && vmb_device_is_stuck(device);
	vmb_traced_resources_finish(device);
	finish_route(device);
	/* A lost device has a queue that waits for ever for a bind that failed. The driver would
	 * wait for that queue, and to let it go on would be to say that the bind was done: the
	 * driver's device is left behind. */
	if (!is_stuck) {
		device->next.DestroyDevice(handle, allocator);
	}
	free(device);
}
