/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_RESOURCE_H
#define VMB_PROVIDE_RESOURCE_H

#include <pthread.h>
#include <stdatomic.h>
#include <vulkan/vulkan.h>

#include "plan/residency.h"
#include "provide/device.h"

/*
 * A sparse buffer or image: an ordinary one of the driver's, bound for life to a reservation of the
 * VM. Binds map memory into the reservation. The device's table of buffers or images owns it.
 */
struct vmb_resource {
	struct vmb_provide *provide;
	/* One for the table, and one for each batch that is still to bind to the resource. */
	atomic_uint references;
	struct vmb_reservation reservation;
	VkDeviceMemory memory; /* the driver's object for the reservation */
	/* The point that is signaled when the last bind in the kernel's hands is done; value 0 if
	 * there was none. Guarded by submit_lock. */
	struct vmb_point last_bind;
	/* Guards what follows: several queues may bind to different ranges at once. */
	pthread_mutex_t residency_lock;
	struct vmb_residency residency;
	/* Memory for the residency map was short once: its bytes are no longer exact. */
	bool residency_lost;
};

/* Turn the driver's requirements of an ordinary resource into those of a sparse one. */
void vmb_resource_requirements(
	const struct vmb_provide *provide, VkMemoryRequirements *requirements);
void vmb_resource_requirements2(
	const struct vmb_provide *provide, VkMemoryRequirements2 *requirements);

/* Reserves a range that meets the requirements of the sparse resource, with a memory object of the
 * driver's for it. The driver's buffer or image stays the caller's. */
VkResult vmb_resource_create(struct vmb_provide *provide, const VkMemoryRequirements *requirements,
	struct vmb_resource **out);
/*
 * Drops the table's reference. The reservation and the driver's memory go with the last reference.
 * Accepts NULL. The driver's buffer or image must be gone, or never be used again.
 */
void vmb_resource_destroy(struct vmb_resource *resource);

void vmb_resource_ref(struct vmb_resource *resource);
void vmb_resource_unref(struct vmb_resource *resource);

/* Records ops that were executed, all of them of this resource. */
void vmb_resource_executed(struct vmb_resource *resource, const struct vmb_op *ops, size_t count);

#endif
