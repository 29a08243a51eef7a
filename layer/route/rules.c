/* SPDX-License-Identifier: MIT */
#include "route/rules.h"

#include <stddef.h>
#include <string.h>

enum has_sparse {
	HAS_NOT,
	HAS,
};

/*
 * Which drivers need what, the first line that fits. Whatever fits none is native: the driver has
 * sparse resources of its own, or there is nothing to make them of.
 */
static const struct rule {
	VkDriverId driver; /* 0: every driver of a CPU device */
	enum has_sparse has_sparse;
	uint32_t until; /* driver versions below this one; 0: all */
	enum vmb_route route;
	enum vmb_backend backend;
	const char *reason;
	const char *fault; /* of those driver versions; NULL if there is none */
} rules[] = {
	/*
	 * 26.1.6 maps a dummy BO of 2 MiB over a new resource again and again, and where memory is
	 * taken away the first 2 MiB of the resource get the dummy instead of the range asked for
	 * (a whole image: once for each block). Mesa 26.2 does it right: in one op where panthor has
	 * it, with the dummy where it has not. No driver before 26.1 is known to report sparseBinding,
	 * so that the lower bound is what the driver reports.
	 */
	{ VK_DRIVER_ID_MESA_PANVK, HAS, VK_MAKE_API_VERSION(0, 26, 2, 0), VMB_ROUTE_ASSIST,
		VMB_BACKEND_NONE,
		"panvk before 26.2 maps a dummy piece by piece where there is no memory, and over "
		"the "
		"wrong range when memory is taken away",
		"memory that is taken away stays bound: the first 2 MiB of the resource are taken "
		"away instead; and a new resource is mapped in pieces of 2 MiB" },
	/* 25.0.7 is one of those. Its kernel driver has all that it takes. */
	{ VK_DRIVER_ID_MESA_PANVK, HAS_NOT, 0, VMB_ROUTE_PROVIDE, VMB_BACKEND_PANTHOR,
		"the driver has no sparse resources, and panthor can make them", NULL },
	/* lavapipe before it had its own (22.3.6 was tried), SwiftShader. */
	{ 0, HAS_NOT, 0, VMB_ROUTE_PROVIDE, VMB_BACKEND_HOST,
		"the driver has no sparse resources, and sees host memory when it is remapped",
		NULL },
};

static struct vmb_route_choice native(const struct vmb_route_facts *facts, const char *reason)
{
	return (struct vmb_route_choice){
		.route = VMB_ROUTE_NATIVE,
		.reason = reason,
		.wish_denied = facts->wish == VMB_WISH_PROVIDE || facts->wish == VMB_WISH_ASSIST,
	};
}

static bool fits_driver(const struct rule *rule, const struct vmb_route_facts *facts)
{
	return rule->driver ? facts->driver == rule->driver : facts->is_cpu;
}

/* A wish for a route stands over what the driver has and which version it is. */
static bool fits(const struct rule *rule, const struct vmb_route_facts *facts)
{
	if (!fits_driver(rule, facts)) {
		return false;
	}
	if (facts->wish == VMB_WISH_PROVIDE) {
		return rule->route == VMB_ROUTE_PROVIDE;
	}
	if (facts->wish == VMB_WISH_ASSIST) {
		return rule->route == VMB_ROUTE_ASSIST && facts->has_sparse;
	}
	return facts->has_sparse == (rule->has_sparse == HAS) &&
		(!rule->until || facts->driver_version < rule->until);
}

static const struct rule *find_rule(const struct vmb_route_facts *facts)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (fits(&rules[i], facts)) {
			return &rules[i];
		}
	}
	return NULL;
}

/* What a backend lacks, NULL if it has everything. */
static const char *missing(enum vmb_backend backend, const struct vmb_route_facts *facts)
{
	if (backend == VMB_BACKEND_NONE) {
		return NULL;
	}
	if (backend == VMB_BACKEND_PANTHOR && strcmp(facts->kernel.name, "panthor") != 0) {
		return "the driver's device is not one of panthor";
	}
	if (backend == VMB_BACKEND_PANTHOR && !facts->can_share_semaphores) {
		return "the driver cannot share semaphores";
	}
	if (backend == VMB_BACKEND_HOST && !facts->can_import_host) {
		return "the driver cannot import host memory";
	}
	if (!facts->has_timeline) {
		return "the driver has no timeline semaphores";
	}
	if (facts->tried && !facts->passed) {
		return backend == VMB_BACKEND_HOST
			? "the device does not see it when host memory is remapped"
			: "a trial on the device failed";
	}
	return NULL;
}

static const char *why_no_rule(const struct vmb_route_facts *facts)
{
	if (facts->wish == VMB_WISH_ASSIST) {
		return "this driver is none that can be assisted";
	}
	return facts->has_sparse && facts->wish != VMB_WISH_PROVIDE
		? "the driver has sparse resources of its own"
		: "there is no backend for this device";
}

struct vmb_route_choice vmb_route_choose(const struct vmb_route_facts *facts)
{
	if (facts->wish == VMB_WISH_OFF || facts->wish == VMB_WISH_NATIVE) {
		return native(facts, "asked for by the user");
	}
	const struct rule *rule = find_rule(facts);
	if (!rule) {
		return native(facts, why_no_rule(facts));
	}
	const char *lack = missing(rule->backend, facts);
	if (lack) {
		return native(facts, lack);
	}
	bool is_wish = facts->has_sparse != (rule->has_sparse == HAS) ||
		(rule->until && facts->driver_version >= rule->until);
	return (struct vmb_route_choice){
		.route = rule->route,
		.backend = rule->backend,
		.reason = is_wish ? "asked for by the user" : rule->reason,
		.fault = is_wish ? NULL : rule->fault,
		.needs_trial = rule->backend != VMB_BACKEND_NONE && !facts->tried,
	};
}

bool vmb_route_needs_kernel(const struct vmb_route_facts *facts)
{
	const struct rule *rule = facts->wish == VMB_WISH_OFF || facts->wish == VMB_WISH_NATIVE
		? NULL
		: find_rule(facts);

	return rule && rule->backend == VMB_BACKEND_PANTHOR;
}

const char *vmb_route_name(enum vmb_route route)
{
	switch (route) {
	case VMB_ROUTE_ASSIST:
		return "assist";
	case VMB_ROUTE_PROVIDE:
		return "provide";
	default:
		return "native";
	}
}
