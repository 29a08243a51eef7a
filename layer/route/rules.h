/* SPDX-License-Identifier: MIT */
#ifndef VMB_ROUTE_RULES_H
#define VMB_ROUTE_RULES_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "base/settings.h"
#include "ioctl/kernel.h"

/* What the layer does on a physical device. */
enum vmb_route {
	/* Nothing: the driver's own functions. */
	VMB_ROUTE_NATIVE,
	/* The driver's sparse resources, its ioctls put right. */
	VMB_ROUTE_ASSIST,
	/* The driver has no sparse resources, the layer makes them. */
	VMB_ROUTE_PROVIDE,
};

/* What the layer makes sparse resources of. */
enum vmb_backend {
	VMB_BACKEND_NONE,
	VMB_BACKEND_HOST,
	VMB_BACKEND_PANTHOR,
};

/* What is known of a physical device; what is not known is 0. */
struct vmb_route_facts {
	enum vmb_route_wish wish;
	VkDriverId driver;
	uint32_t driver_version; /* as the driver makes it, for Mesa with VK_MAKE_API_VERSION */
	struct vmb_kernel_driver kernel;
	bool is_cpu;
	bool has_sparse; /* the driver's sparseBinding */
	bool can_import_host; /* VK_EXT_external_memory_host */
	bool can_share_semaphores; /* VK_KHR_external_semaphore_fd */
	bool has_timeline; /* timeline semaphores */
	/* Whether the backend was tried on the device, and whether it did what it has to. */
	bool tried;
	bool passed;
};

struct vmb_route_choice {
	enum vmb_route route;
	enum vmb_backend backend; /* of the provide route */
	/* One sentence for people. */
	const char *reason;
	/* What is wrong with the driver that the route works around, NULL if that is nothing. */
	const char *fault;
	/* The choice stands only if the backend works on the device: try, then choose again. */
	bool needs_trial;
	/* The user wished for something that cannot be had. */
	bool wish_denied;
};

/* Where a fact speaks against it or is not known the route is native: the layer never makes a
 * working setup worse. */
struct vmb_route_choice vmb_route_choose(const struct vmb_route_facts *facts);

/* Whether the choice depends on the kernel's driver, which has to be opened to be asked. */
bool vmb_route_needs_kernel(const struct vmb_route_facts *facts);

const char *vmb_route_name(enum vmb_route route);

#endif
