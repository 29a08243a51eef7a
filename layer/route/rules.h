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
	const char *kernel_driver; /* its name; NULL or empty if unknown */
	bool has_sparse; /* the driver's sparseBinding */
	/* A required extension of the backend that the driver lacks; NULL if there is none. */
	const char *missing_extension;
	/* Whether the backend was probed on the device, and the cause of a failure. The cause is
	 * NULL after a success; otherwise a static text for users. */
	bool probed;
	const char *probe_failure;
};

struct vmb_route_choice {
	enum vmb_route route;
	const struct vmb_backend *backend; /* of the provide route, otherwise NULL */
	/* The reason for the route: one sentence for users, static. */
	const char *reason;
	/* The driver's bug that the route works around; NULL if there is none. */
	const char *fault;
	/* The route depends on a probe: the caller probes the backend and chooses again. */
	bool needs_probe;
	/* The setting requests a route that the device does not support. */
	bool request_denied;
};

/* Chooses the route. If a requirement is missing or unknown, the route is native. Pure. */
struct vmb_route_choice vmb_route_choose(const struct vmb_route_facts *facts);

/* The backend of the provide route, if the device meets its requirements. NULL if another route is
 * certain. Ignores kernel_driver, missing_extension, probed and probe_failure. Pure. */
const struct vmb_backend *vmb_route_candidate(const struct vmb_route_facts *facts);

#endif
