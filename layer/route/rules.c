/* SPDX-License-Identifier: MIT */
#include "route/rules.h"

#include <stddef.h>
#include <string.h>

enum has_sparse {
	HAS_NOT,
	HAS,
};

/*
 * The route of each driver. The first row that fits decides. Without a row the route is native: the
 * driver has sparse resources, or the layer has no backend for the driver.
 */
static const struct rule {
	VkDriverId driver; /* 0: any driver with a backend */
	enum has_sparse has_sparse;
	uint32_t until; /* driver versions below this one; 0: all */
	enum vmb_route route;
	const char *reason; /* NULL: the backend's */
	const char *fault; /* the bug of these driver versions; NULL if there is none */
} rules[] = {
	/*
	 * panvk 26.1.6 fills a new resource with maps of its blackhole BO of 2 MiB. A NULL bind
	 * maps the blackhole over the first 2 MiB of the resource instead of the bound range. A
	 * NULL bind of a whole image does so once for each block. Mesa 26.2 binds correctly, and
	 * uses one op if panthor has the sparse op. No panvk before 26.1 is known to report
	 * sparseBinding, so has_sparse is the lower bound of the versions.
	 */
	{ VK_DRIVER_ID_MESA_PANVK, HAS, VK_MAKE_API_VERSION(0, 26, 2, 0), VMB_ROUTE_ASSIST,
		"panvk before 26.2 creates sparse resources in many maps, "
		"and unbinds the wrong range",
		"a NULL bind leaves its range bound and unbinds the first 2 MiB of the resource; "
		"a new resource is mapped in pieces of 2 MiB" },
	/* panvk 25.0.7 on panthor; lavapipe without sparse resources, tested with 22.3.6;
	 * SwiftShader. */
	{ 0, HAS_NOT, 0, VMB_ROUTE_PROVIDE, NULL, NULL },
};

static struct vmb_route_choice native(const struct vmb_route_facts *facts, const char *reason)
{
	return (struct vmb_route_choice){
		.route = VMB_ROUTE_NATIVE,
		.reason = reason,
		.request_denied = facts->request == VMB_REQUEST_PROVIDE ||
			facts->request == VMB_REQUEST_ASSIST,
	};
}

/* The backend for a device, whether or not the device meets its requirements. */
static const struct vmb_backend *find_backend(const struct vmb_route_facts *facts)
{
	for (const struct vmb_backend *const *backend = vmb_backends; *backend; backend++) {
		for (const VkDriverId *driver = (*backend)->drivers; *driver; driver++) {
			if (*driver == facts->driver) {
				return *backend;
			}
		}
	}
	return NULL;
}

static bool rule_fits_driver(const struct rule *rule, const struct vmb_route_facts *facts)
{
	return rule->driver ? facts->driver == rule->driver : find_backend(facts) != NULL;
}

static bool rule_fits_version(const struct rule *rule, const struct vmb_route_facts *facts)
{
	return facts->has_sparse == (rule->has_sparse == HAS) &&
		(!rule->until || facts->driver_version < rule->until);
}

/* A requested route ignores the driver's version. The provide route also ignores the driver's
 * sparse resources. The assist route needs them. */
static bool rule_fits(const struct rule *rule, const struct vmb_route_facts *facts)
{
	if (!rule_fits_driver(rule, facts)) {
		return false;
	}
	if (facts->request == VMB_REQUEST_PROVIDE) {
		return rule->route == VMB_ROUTE_PROVIDE;
	}
	if (facts->request == VMB_REQUEST_ASSIST) {
		return rule->route == VMB_ROUTE_ASSIST && facts->has_sparse;
	}
	return rule_fits_version(rule, facts);
}

static const struct rule *find_rule(const struct vmb_route_facts *facts)
{
	if (facts->request == VMB_REQUEST_OFF || facts->request == VMB_REQUEST_NATIVE) {
		return NULL;
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rule_fits(&rules[i], facts)) {
			return &rules[i];
		}
	}
	return NULL;
}

const struct vmb_backend *vmb_route_candidate(const struct vmb_route_facts *facts)
{
	const struct rule *rule = find_rule(facts);

	return rule && rule->route == VMB_ROUTE_PROVIDE ? find_backend(facts) : NULL;
}

/* The backend's requirement that the device does not meet; NULL if it meets all. */
static const char *unmet_requirement(
	const struct vmb_backend *backend, const struct vmb_route_facts *facts)
{
	if (backend->kernel_driver &&
		(!facts->kernel_driver ||
			strcmp(facts->kernel_driver, backend->kernel_driver) != 0)) {
		return backend->wrong_kernel_driver;
	}
	for (size_t i = 0; facts->missing_extension && i < backend->extension_count; i++) {
		if (strcmp(backend->extensions[i].name, facts->missing_extension) == 0) {
			return backend->extensions[i].missing;
		}
	}
	return facts->probed ? facts->probe_failure : NULL;
}

static const char *reason_without_rule(const struct vmb_route_facts *facts)
{
	if (facts->request == VMB_REQUEST_ASSIST) {
		return "the assist route does not support this driver";
	}
	return facts->has_sparse && facts->request != VMB_REQUEST_PROVIDE
		? "the driver has sparse resources of its own"
		: "the layer has no backend for this device";
}

struct vmb_route_choice vmb_route_choose(const struct vmb_route_facts *facts)
{
	if (facts->request == VMB_REQUEST_OFF || facts->request == VMB_REQUEST_NATIVE) {
		return native(facts, "requested by the user");
	}
	const struct rule *rule = find_rule(facts);
	if (!rule) {
		return native(facts, reason_without_rule(facts));
	}
	const struct vmb_backend *backend = vmb_route_candidate(facts);
	const char *unmet = backend ? unmet_requirement(backend, facts) : NULL;
	if (unmet) {
		return native(facts, unmet);
	}
	bool was_requested = !rule_fits_version(rule, facts);
	const char *reason = rule->reason ? rule->reason : backend->reason;
	return (struct vmb_route_choice){
		.route = rule->route,
		.backend = backend,
		.reason = was_requested ? "requested by the user" : reason,
		.fault = was_requested ? NULL : rule->fault,
		.needs_probe = backend && !facts->probed,
	};
}
