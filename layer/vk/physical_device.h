/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_PHYSICAL_DEVICE_H
#define VMB_VK_PHYSICAL_DEVICE_H

#include <pthread.h>
#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "route/rules.h"
#include "vk/instance.h"

/* A physical device and the decision that was made for it. Lives as long as its instance. */
struct vmb_physical_device {
	VkPhysicalDevice handle;
	struct vmb_instance *instance;
	/* Guards the decision until it is made; held while the device is probed. */
	pthread_mutex_t decide_lock;
	bool decided;

	/* Constant once decided. */
	enum vmb_route route;
	enum vmb_backend backend;
	const char *reason;
	const char *fault; /* as in vmb_route_choice */
	struct vmb_kernel_driver kernel; /* its name is empty unless the choice depended on it */
	bool is_virtgpu; /* its driver works on virtio_gpu */
	bool is_venus; /* and is Venus */
	bool driver_has_sparse;
	VkDeviceSize granularity; /* of binds, and of imported host memory */
	VkDeviceSize address_space; /* what can be reserved for sparse resources */
	char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
	char driver[VK_MAX_DRIVER_NAME_SIZE]; /* empty if it does not say */
	char driver_info[VK_MAX_DRIVER_INFO_SIZE];
};

/* Undecided. NULL if memory is short. */
struct vmb_physical_device *vmb_physical_device_create(
	struct vmb_instance *instance, VkPhysicalDevice handle);
/* Frees an undecided or decided object; accepts NULL. */
void vmb_physical_device_destroy(struct vmb_physical_device *physical);

/* Reads the facts and makes the decision; may create a device to try the driver out. The caller
 * holds decide_lock, or has the object to himself. */
void vmb_physical_device_decide(struct vmb_physical_device *physical);

/* Whether the driver has a device extension. */
bool vmb_physical_device_has_extension(
	const struct vmb_physical_device *physical, const char *extension);

/* The minor number of the device's render node, as the driver names it; false if it names none. */
bool vmb_physical_device_render_node(const struct vmb_physical_device *physical, uint32_t *node);

/* The version that decides which functions are core on a device: what the application asked for,
 * limited by what the device has. */
uint32_t vmb_physical_device_api_version(
	const struct vmb_instance *instance, VkPhysicalDevice handle);

#endif
