/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_DEVICE_H
#define VMB_VK_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "backend/vm.h"
#include "base/map.h"
#include "observe/statistics.h"
#include "vk/dispatch.h"
#include "vk/physical_device.h"

struct vmb_queue;
struct vmb_tap;
struct vmb_trace;

/*
 * A VkDevice. If the layer provides sparse resources on it, it has a VM and tables of the objects
 * that concern us; if not, all but its destruction goes straight to the driver.
 *
 * Of the locks in here, a queue's and a resource's none is taken while another is held, except for
 * those of the tables and of the VM, which are leaves.
 */
struct vmb_device {
	VkDevice handle;
	struct vmb_device_dispatch next;
	/* NULL if the layer is turned off. */
	struct vmb_physical_device *physical;
	struct vmb_stats stats;
	/* The instance's, NULL if nobody asked for it; then no sparse resources are remembered for it. */
	struct vmb_trace *trace;
	struct vmb_map traced_buffers; /* VkBuffer to vmb_traced_resource */
	struct vmb_map traced_images;
	/* What the layer does here: the physical device's route, or native if the application
	 * enabled no sparse feature. */
	enum vmb_route route;
	/* The driver's ioctls; NULL on the native route and for the host backend. */
	struct vmb_tap *tap;
	/* The same of a driver on virtio_gpu, whatever the route; otherwise NULL. */
	struct vmb_tap *virtgpu;
	atomic_bool virtgpu_was_told; /* of, in the log */
	/* ASSIST: the memory that a bind of no memory becomes a bind of. */
	VkDeviceMemory hole;

	/* NULL if the layer does not provide sparse resources here; then nothing below is used. */
	struct vmb_vm *vm;
	/* Memory types that can be bound sparsely. */
	uint32_t sparse_types;
	/* Size of the heap of each memory type; for a VM whose memory is imported. */
	VkDeviceSize heap_sizes[VK_MAX_MEMORY_TYPES];
	/* bufferDeviceAddress is enabled, so memory has to be allocated for it. */
	bool has_addresses;
	/* Somebody will ask what is bound; otherwise the residency maps stay empty. */
	bool tracks_residency;
	/* The functions of these extensions are not for the application, which did not enable them. */
	bool hides_host_import;
	bool hides_timeline;
	bool hides_semaphore_fd;
	struct vmb_map memories; /* VkDeviceMemory to vmb_memory */
	struct vmb_map buffers; /* VkBuffer to vmb_resource, sparse ones only */
	struct vmb_map images; /* VkImage to vmb_resource, sparse ones only */
	/* Guards the head of the list of queues that were bound on; they stay as long as the device. */
	pthread_mutex_t queues_lock;
	struct vmb_queue *queues;
	/* Held while the kernel is given a plan, so that what resources remember of that is in the
	 * kernel's order. */
	pthread_mutex_t submit_lock;
	/* An asynchronous bind failed. Never reset. */
	atomic_bool lost;
};

/* The device of a VkDevice or VkQueue. */
struct vmb_device *vmb_device_of(const void *dispatchable);

#define vmb_device_log(device, level, ...) \
	vmb_instance_log((device)->physical->instance, level, __VA_ARGS__)

/* Marks the device as lost and says why. */
void vmb_device_lose(struct vmb_device *device, const char *what, int error);

static inline bool vmb_device_is_lost(const struct vmb_device *device)
{
	return atomic_load_explicit(&device->lost, memory_order_acquire);
}

/* Whether a driver may be waiting for ever for a bind that failed. What the kernel was given ends, and
 * what it was not given is signaled by the worker. */
static inline bool vmb_device_is_stuck(const struct vmb_device *device)
{
	return vmb_device_is_lost(device) && !vmb_vm_is_async(device->vm);
}

/* Rounds up to what binds and imports are made in; UINT64_MAX's neighbourhood saturates. */
static inline VkDeviceSize vmb_device_round_up(const struct vmb_device *device, VkDeviceSize size)
{
	VkDeviceSize mask = device->vm->granularity - 1;

	return size > UINT64_MAX - mask ? UINT64_MAX & ~mask : (size + mask) & ~mask;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_CreateDevice(VkPhysicalDevice physical,
	const VkDeviceCreateInfo *info, const VkAllocationCallbacks *allocator, VkDevice *out);
VKAPI_ATTR void VKAPI_CALL vmb_DestroyDevice(
	VkDevice handle, const VkAllocationCallbacks *allocator);

#endif
