/* SPDX-License-Identifier: MIT */
#ifndef VMB_ROUTE_H
#define VMB_ROUTE_H

#include <stdbool.h>

#include "settings.h"

/* What the layer does on a physical device. */
enum vmb_route {
	/* Nothing: the driver's own functions. */
	VMB_ROUTE_NATIVE,
	/* The driver has no sparse resources, the layer makes them. */
	VMB_ROUTE_PROVIDE,
};

/* What is known of a physical device. */
struct vmb_route_facts {
	enum vmb_route_wish wish;
	bool is_cpu;
	bool has_sparse; /* the driver's sparseBinding */
	bool can_import_host; /* VK_EXT_external_memory_host */
	bool has_timeline; /* timeline semaphores */
	/* Whether a remapped host page was tried on the device, and whether the device saw it. */
	bool remap_tried;
	bool remap_seen;
};

struct vmb_route_choice {
	enum vmb_route route;
	/* One sentence for people. */
	const char *reason;
	/* The choice stands only if the device sees a remapped page: try, then choose again. */
	bool needs_probe;
	/* The user wished for something that cannot be had. */
	bool wish_denied;
};

/* Where a fact speaks against it or is not known the route is native: the layer never makes a
 * working setup worse. */
struct vmb_route_choice vmb_route_choose(const struct vmb_route_facts *facts);

const char *vmb_route_name(enum vmb_route route);

#endif
