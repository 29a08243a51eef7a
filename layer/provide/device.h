/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_DEVICE_H
#define VMB_PROVIDE_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "backend/backend.h"
#include "backend/vm.h"
#include "base/map.h"
#include "provide/device_create_info.h"
#include "provide/memory_cache.h"
#include "vk/device.h"

struct vmb_executor;
struct vmb_memory_source;
struct vmb_queue;

/*
 * The state of the provide feature on one device: a VM, and tables of memory and sparse resources.
 *
 * Lock order: a queue's call_lock first. Then at most one of queues_lock, submit_lock, a queue's
 * batches_lock and a resource's residency_lock is held at a time. The locks of the tables and of
 * the VM are leaves.
 */
struct vmb_provide {
	struct vmb_device *device;
	struct vmb_device_commands next;
	/* Replaces the application's VkDeviceCreateInfo. Its info is valid until create_end. */
	struct vmb_device_create_info create_info;
	/* The backend's watch over the driver's ioctls. NULL for a backend without a watch, and
	 * after the VM has taken the watch over. */
	struct vmb_backend_watch *watch;
	struct vmb_vm *vm;
	const struct vmb_memory_source *source; /* allocates memory */
	const struct vmb_executor *executor; /* runs the batches of binds */
	struct vmb_trace *trace; /* the instance's */
	struct vmb_figures figures;

	/* Bit mask of the memory types that sparse resources can be bound to. */
	uint32_t sparse_types;
	/* Bytes of the heap of each memory type; only if memory is imported. */
	VkDeviceSize heap_sizes[VK_MAX_MEMORY_TYPES];
	/* bufferDeviceAddress is enabled: reservations are allocated with
	 * VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT. */
	bool has_addresses;
	/* VMBIND_STATS is set. Otherwise the residency maps stay empty. */
	bool tracks_residency;

	struct vmb_map memories; /* VkDeviceMemory to vmb_memory */
	struct vmb_memory_cache cache; /* guarded by the lock of memories */
	struct vmb_map buffers; /* VkBuffer to vmb_resource, sparse ones only */
	struct vmb_map images; /* VkImage to vmb_resource, sparse ones only */
	/* Held while a queue is added to queues. A queue lives as long as the device, so readers
	 * need no lock. */
	pthread_mutex_t queues_lock;
	_Atomic(struct vmb_queue *) queues;
	/* Held while a batch is submitted to the kernel, so that last_bind of a resource is the
	 * kernel's last bind. */
	pthread_mutex_t submit_lock;
	/* An asynchronous bind failed. Never reset. */
	atomic_bool lost;
};

static inline struct vmb_provide *vmb_provide_of(const void *dispatchable)
{
	return vmb_device_of(dispatchable)->features[VMB_FEATURE_PROVIDE];
}

#define vmb_provide_log(provide, level, ...) vmb_device_log((provide)->device, level, __VA_ARGS__)

/* Marks the device as lost and logs the cause. error is a negative errno. Any thread, as the next
 * two. */
void vmb_provide_lose(struct vmb_provide *provide, const char *cause, int error);

static inline bool vmb_provide_is_lost(const struct vmb_provide *provide)
{
	return atomic_load_explicit(&provide->lost, memory_order_acquire);
}

/* Whether the device is lost and the driver may wait for ever for a failed bind. */
bool vmb_provide_is_stranded(const struct vmb_provide *provide);

/* Rounds bytes up to the granularity of binds and imports. Rounds down where the result would
 * exceed UINT64_MAX. */
static inline VkDeviceSize vmb_provide_round_up(
	const struct vmb_provide *provide, VkDeviceSize size)
{
	VkDeviceSize mask = provide->vm->granularity - 1;

	return size > UINT64_MAX - mask ? UINT64_MAX & ~mask : (size + mask) & ~mask;
}

#endif
