/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PROBE_DEVICE_H
#define VMB_BACKEND_PROBE_DEVICE_H

#include <string.h>
#include <vulkan/vulkan.h>

#include "backend/vm.h"
#include "base/log.h"

/* How long a probe waits for its device: a device that hangs must not block the application. */
#define VMB_PROBE_TIMEOUT_NS UINT64_C(10000000000)

/* A device that the layer creates to probe a backend, with the backend's extensions and timeline
 * semaphores enabled. */
struct vmb_probe_device {
	VkDevice handle;
	uint32_t family; /* of the queue, which supports transfer */
	VkQueue queue;
	PFN_vkGetDeviceProcAddr get;
	const VkAllocationCallbacks *allocator; /* for every object of the probe */
	VkDeviceSize max_allocation; /* the driver's maxMemoryAllocationSize, in bytes */
	struct vmb_vm *vm; /* borrowed */
};

/* PROBE_FUNCTIONS(VMB_PROBE_MEMBER) declares the members vk, the commands that a probe calls. */
#define VMB_PROBE_MEMBER(name) PFN_vk##name name;

/* Fills probe->vk, and sets found to false if the driver lacks one. */
#define VMB_PROBE_LOOK_UP(name) \
	probe->vk.name = (PFN_vk##name)probe->device->get(probe->device->handle, "vk" #name); \
	found = found && probe->vk.name;

/* Must be called for each dispatchable object that a probe creates: the loader expects its dispatch
 * pointer in the object's first word. */
static inline void vmb_probe_device_adopt(const struct vmb_probe_device *device, void *dispatchable)
{
	memcpy(dispatchable, device->handle, sizeof(void *));
}

#endif
