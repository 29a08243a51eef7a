/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_BACKEND_H
#define VMB_BACKEND_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan.h>

#include "backend/probe_device.h"
#include "backend/vm.h"

/* A device extension that a backend needs: the driver must have it, and the layer enables it. */
struct vmb_backend_extension {
	const char *name;
	uint32_t core; /* the Vulkan version that includes it; 0 if none does */
	/* The reason for the native route if the driver lacks the extension, as text for users. */
	const char *missing;
};

/* Intercepts the driver's ioctls during vkCreateDevice. Each backend defines the struct. */
struct vmb_backend_watch;

struct vmb_vm_config {
	uint64_t granularity; /* of binds and of imported host memory, in bytes */
	struct vmb_trace *trace; /* NULL without a trace */
	struct vmb_backend_watch *watch; /* NULL for a backend without one */
};

/*
 * A way to implement sparse resources. All members are mandatory unless marked optional.
 * docs/adding-a-backend.md shows how to add a backend.
 */
struct vmb_backend {
	const char *name;
	/* The drivers whose devices the backend serves; ends with 0. */
	const VkDriverId *drivers;
	/* Optional: the kernel driver that the devices must run on. */
	const char *kernel_driver;
	const char *wrong_kernel_driver; /* the reason for the native route on another one */
	/* At most VMB_BACKEND_EXTENSIONS, with VK_KHR_timeline_semaphore among them. */
	const struct vmb_backend_extension *extensions;
	size_t extension_count;
	/* The least alignment of sparse binds, in bytes. A device may require more. */
	uint64_t granularity;
	const char *reason; /* the reason for the provide route */
	/* The device accesses one range of memory correctly through several virtual addresses
	 * (sparseResidencyAliased). */
	bool aliases;
	/* The driver imports memory that the VM makes. Otherwise the VM captures memory that the
	 * driver makes. */
	bool imports;

	/* Optional, all three. Begin and end run around vkCreateDevice, on its thread. Negative
	 * errno. */
	int (*watch_begin)(struct vmb_trace *trace, struct vmb_backend_watch **watch);
	void (*watch_end)(struct vmb_backend_watch *watch);
	/* Destroys a watch that no VM owns. Accepts NULL. */
	void (*watch_destroy)(struct vmb_backend_watch *watch);

	/* Creates the VM of a device, which owns the watch on success. -ENODEV if the watch saw no
	 * ioctl of the driver; any other negative errno. */
	int (*create)(const struct vmb_vm_config *config, struct vmb_vm **vm);
	/* The cause of an error of create, as a static text for users. Any thread. */
	const char *(*explain)(int error);
	/* The probe needs a device of the driver. False for CPU drivers: their devices start
	 * threads, which take memory. A child process does not have these threads after fork(). */
	bool probes_device;
	/* Tests the backend. If probes_device is set, device is a device that the layer creates for
	 * the probe. Otherwise only device->vm is set. Returns NULL if the backend works, and sets
	 * *address_space to the number of bytes that sparse resources can reserve. Otherwise
	 * returns the reason for the native route, as a static text for users. */
	const char *(*probe)(const struct vmb_probe_device *device, uint64_t *address_space);
};

#define VMB_BACKEND_EXTENSIONS 8

/* All backends; ends with NULL. */
extern const struct vmb_backend *const vmb_backends[];

#endif
