/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_RESOURCE_H
#define VMB_PROVIDE_RESOURCE_H

#include <pthread.h>
#include <stdatomic.h>
#include <vulkan/vulkan.h>

#include "plan/residency.h"
#include "vk/device.h"

/*
 * A sparse buffer or image: an ordinary one of the driver's, bound for life to a reservation of the
 * VM, into which binds map memory. Owned by the device's table of buffers or images.
 */
struct vmb_resource {
	struct vmb_device *device;
	/* The table's, and one of each job that will bind to it. */
	atomic_uint references;
	struct vmb_reservation reservation;
	VkDeviceMemory memory; /* the driver's object for the reservation */
	/* What is signaled when the last bind that the kernel was given is done, value 0 if there was
	 * none. Guarded by the device's submit_lock. */
	struct vmb_point last_bind;
	/* Guards what follows: several queues may bind to different ranges at once. */
	pthread_mutex_t residency_lock;
	struct vmb_residency residency;
	/* The residency map ran out of memory once and is not to be believed any more. */
	bool residency_lost;
};

/* What an application is told of a sparse resource, made of what the driver said of the plain. */
void vmb_resource_requirements(const struct vmb_device *device, VkMemoryRequirements *requirements);
void vmb_resource_requirements2(
	const struct vmb_device *device, VkMemoryRequirements2 *requirements);

/*
 * Reserves as much as the requirements say, with a memory object of the driver's for it. requirements
 * are those of the sparse resource. The driver's object is the caller's, before and after.
 */
VkResult vmb_resource_create(struct vmb_device *device, const VkMemoryRequirements *requirements,
	struct vmb_resource **out);
/*
 * Drops the table's reference; the reservation goes with the last one, and with it the driver's
 * memory. Accepts NULL. The driver's buffer or image must be gone, or never be used again.
 */
void vmb_resource_destroy(struct vmb_resource *resource);

void vmb_resource_ref(struct vmb_resource *resource);
void vmb_resource_unref(struct vmb_resource *resource);

/* Records ops that were executed, all of this resource. */
void vmb_resource_executed(struct vmb_resource *resource, const struct vmb_op *ops, size_t count);

#endif
