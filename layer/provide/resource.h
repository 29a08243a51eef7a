/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_RESOURCE_H
#define VMB_PROVIDE_RESOURCE_H

#include <pthread.h>
#include <stdatomic.h>
#include <vulkan/vulkan.h>

#include "plan/residency.h"
#include "provide/device.h"

/*
 * The memory of a sparse buffer or image. For the driver the buffer or image is an ordinary one,
 * bound for life to a reservation of the VM. Binds map memory into the reservation. The device's
 * table of buffers or images owns the object.
 */
struct vmb_resource {
	struct vmb_provide *provide;
	/* One for the table, and one for each batch that the worker has yet to run. */
	atomic_uint references;
	struct vmb_reservation reservation;
	VkDeviceMemory memory; /* the driver's object for the reservation */
	/* The point that the last submitted bind signals; value 0 without a submitted bind. Guarded
	 * by submit_lock. */
	struct vmb_point last_bind;
	/* Guards the members below: several queues may bind to different ranges at once. */
	pthread_mutex_t residency_lock;
	struct vmb_residency residency;
	/* An allocation for the residency map failed. The map is no longer updated. */
	bool residency_lost;
};

/* Turn the driver's requirements of an ordinary resource into those of a sparse resource. */
void vmb_resource_requirements(
	const struct vmb_provide *provide, VkMemoryRequirements *requirements);
void vmb_resource_requirements2(
	const struct vmb_provide *provide, VkMemoryRequirements2 *requirements);

/* Binds the driver's memory object to the driver's buffer or image, at offset 0. */
typedef VkResult (*vmb_resource_bind_fn)(
	struct vmb_provide *provide, uint64_t object, VkDeviceMemory memory);

/*
 * Makes an ordinary buffer or image of the driver sparse. object is its handle, and *requirements
 * are the driver's. Reserves a range, creates the driver's memory object for the range, binds the
 * memory object, and adds the resource to the table. The caller keeps the driver's buffer or image,
 * and destroys it after a failure.
 */
VkResult vmb_resource_create(struct vmb_provide *provide, struct vmb_map *table, uint64_t object,
	VkMemoryRequirements *requirements, vmb_resource_bind_fn bind);
/*
 * Drops the table's reference. The last reference frees the reservation and the driver's memory
 * object. Accepts NULL. The driver's buffer or image must be destroyed, or never be used again.
 */
void vmb_resource_destroy(struct vmb_resource *resource);

/* Any thread. */
void vmb_resource_ref(struct vmb_resource *resource);
void vmb_resource_unref(struct vmb_resource *resource);

/* Counts executed ops in the statistics and the residency map. All ops belong to the resource. Any
 * thread. */
void vmb_resource_executed(struct vmb_resource *resource, const struct vmb_op *ops, size_t count);

#endif
