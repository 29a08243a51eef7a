/* SPDX-License-Identifier: MIT */
#include "route.h"

static struct vmb_route_choice native(const struct vmb_route_facts *facts, const char *reason)
{
	return (struct vmb_route_choice){
		.route = VMB_ROUTE_NATIVE,
		.reason = reason,
		.wish_denied = facts->wish == VMB_WISH_PROVIDE || facts->wish == VMB_WISH_ASSIST,
	};
}

struct vmb_route_choice vmb_route_choose(const struct vmb_route_facts *facts)
{
	if (facts->wish == VMB_WISH_OFF || facts->wish == VMB_WISH_NATIVE) {
		return native(facts, "asked for by the user");
	}
	if (facts->wish == VMB_WISH_ASSIST) {
		return native(facts, "this driver is none that can be assisted");
	}
	if (facts->has_sparse && facts->wish != VMB_WISH_PROVIDE) {
		return native(facts, "the driver has sparse resources of its own");
	}
	if (!facts->is_cpu) {
		return native(facts, "there is no backend for this device");
	}
	if (!facts->can_import_host) {
		return native(facts, "the driver cannot import host memory");
	}
	if (!facts->has_timeline) {
		return native(facts, "the driver has no timeline semaphores");
	}
	if (facts->remap_tried && !facts->remap_seen) {
		return native(facts, "the device does not see it when host memory is remapped");
	}
	return (struct vmb_route_choice){
		.route = VMB_ROUTE_PROVIDE,
		.reason = facts->has_sparse ? "asked for by the user"
					    : "the driver has no sparse resources, and sees host "
					      "memory when it is remapped",
		.needs_probe = !facts->remap_tried,
	};
}

const char *vmb_route_name(enum vmb_route route)
{
	return route == VMB_ROUTE_PROVIDE ? "provide" : "native";
}
