/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_PHYSICAL_DEVICE_H
#define VMB_VK_PHYSICAL_DEVICE_H

#include <pthread.h>
#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "vk/instance.h"

/* The route of a physical device: the layer's work on it. */
enum vmb_route {
	/* Nothing: the application gets the driver's own functions. */
	VMB_ROUTE_NATIVE,
	/* The layer corrects the ioctls of the driver's own sparse resources. */
	VMB_ROUTE_ASSIST,
	/* The layer adds sparse resources to a driver that has none. */
	VMB_ROUTE_PROVIDE,
};

const char *vmb_route_name(enum vmb_route route);

struct vmb_backend;

/* The identity that a driver reports for a device. All unused bytes are 0, so that memcmp()
 * compares two of them. */
struct vmb_physical_identity {
	char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
	uint32_t api_version;
	uint32_t driver_version;
	uint32_t vendor;
	uint32_t device;
	uint32_t type;
	/* Zero if the driver does not report the UUIDs. */
	uint8_t device_uuid[VK_UUID_SIZE];
	uint8_t driver_uuid[VK_UUID_SIZE];
};

/*
 * A physical device. Lives as long as its instance, since devices refer to it.
 *
 * After a device is unplugged, the loader may reuse the handle for another device. The layer then
 * makes another object for the handle.
 */
struct vmb_physical_device {
	VkPhysicalDevice handle;
	struct vmb_instance *instance;
	struct vmb_physical_device *next; /* in the instance's list of all objects */
	struct vmb_physical_identity identity; /* only of an object of vmb_physical_device_add() */
	/* As in vmb_instance. Constant once decided. */
	struct vmb_instance_commands untraced;
	struct vmb_instance_commands commands;

	/* Guards decided and the members below until decided is set. Held during the probe. */
	pthread_mutex_t decide_lock;
	bool decided;

	/* vmb_route_decide() sets the members below. Constant once decided. */
	enum vmb_route route;
	const struct vmb_backend *backend; /* NULL unless the route is provide */
	const char *reason; /* of the route; one sentence for users, static */
	const char *fault; /* the driver's bug that the route works around, or NULL; static */
	bool driver_has_sparse;
	VkDeviceSize granularity; /* bytes: of binds, and of imported host memory */
	VkDeviceSize address_space; /* bytes that sparse resources can reserve */
	VkDriverId driver_id; /* 0 if the driver does not report it; then driver is empty */
	char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
	char driver[VK_MAX_DRIVER_NAME_SIZE];
	char driver_info[VK_MAX_DRIVER_INFO_SIZE];
};

/* Creates an undecided object with the instance's commands. NULL if memory is short. */
struct vmb_physical_device *vmb_physical_device_create(
	struct vmb_instance *instance, VkPhysicalDevice handle);
/* Accepts NULL, and an undecided object. */
void vmb_physical_device_destroy(struct vmb_physical_device *physical);

/* The instance's object for a physical device; NULL if there is none. Any thread, as the next
 * one. */
struct vmb_physical_device *vmb_physical_device_find(VkPhysicalDevice handle);
/* The object of the device that the handle names now. Asks the driver for the identity, and adds an
 * object unless one has this handle and identity. Later look-ups of the handle find this object.
 * NULL if memory is short. */
struct vmb_physical_device *vmb_physical_device_add(VkPhysicalDevice handle);

/* Whether the driver has a device extension. False if memory is short. Any thread. */
bool vmb_physical_device_has_extension(
	const struct vmb_physical_device *physical, const char *extension);

/* The minor number of the device's render node, as the driver reports it; false if it reports
 * none. */
bool vmb_physical_device_render_node(const struct vmb_physical_device *physical, uint32_t *node);

/* The version that decides which functions are core on a device: the application's, limited by the
 * device's. */
uint32_t vmb_physical_device_api_version(
	const struct vmb_instance *instance, VkPhysicalDevice handle);

#endif
