/* SPDX-License-Identifier: MIT */
#ifndef VMB_ROUTE_RULES_H
#define VMB_ROUTE_RULES_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "backend/backend.h"
#include "base/settings.h"
#include "vk/physical_device.h"

/* The facts about a physical device; unknown ones are 0. */
struct vmb_route_facts {
	enum vmb_route_request request;
	VkDriverId driver;
	uint32_t driver_version; /* in the driver's own form; Mesa's is VK_MAKE_API_VERSION */
	const char *kernel_driver; /* name; NULL or empty if unknown */
	bool is_cpu;
	bool has_sparse; /* the driver's sparseBinding */
	/* An extension that the backend of the device needs and the driver lacks; NULL if there is
	 * none. */
	const char *missing_extension;
	/* Whether the backend was probed on the device, and the result. */
	bool probed;
	bool probe_passed;
};

struct vmb_route_choice {
	enum vmb_route route;
	const struct vmb_backend *backend; /* of the provide route, otherwise NULL */
	/* One sentence for people. */
	const char *reason;
	/* The driver's fault that the route works around; NULL if there is none. */
	const char *fault;
	/* The choice stands only if a probe of the backend passes: probe, then choose again. */
	bool needs_probe;
	/* The setting asks for a route that the device cannot have. */
	bool request_denied;
};

/* Chooses the route. If a requirement is missing or unknown the choice is native. Pure. */
struct vmb_route_choice vmb_route_choose(const struct vmb_route_facts *facts);

/* The backend that the choice may come to; NULL if the choice depends on none. kernel_driver and
 * missing_extension of the facts do not count. */
const struct vmb_backend *vmb_route_candidate(const struct vmb_route_facts *facts);

#endif
