/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "backend/panthor/backend.h"
#include "route/rules.h"
#include "scenarios.h"

/* The facts of a scenario, as flags. */
#define CPU 1u
#define SPARSE 2u
#define IMPORT 4u
#define TIMELINE 8u
#define PROBED 16u
#define PASSED 32u
#define ALL_FACTS 64u

#define ABLE (CPU | IMPORT | TIMELINE)

enum flags {
	NONE,
	PROBE, /* needs_probe */
	DENIED, /* request_denied */
};

struct scenario {
	const char *name;
	enum vmb_route_request request;
	unsigned facts;
	enum vmb_route route;
	enum flags flags;
};

/* clang-format off */
static const struct scenario scenarios[] = {
	{ "no facts", VMB_REQUEST_AUTO, 0, VMB_ROUTE_NATIVE, NONE },
	{ "a CPU", VMB_REQUEST_AUTO, ABLE, VMB_ROUTE_PROVIDE, PROBE },
	{ "a CPU whose probe passes", VMB_REQUEST_AUTO, ABLE | PROBED | PASSED, VMB_ROUTE_PROVIDE, NONE },
	{ "a CPU whose probe fails", VMB_REQUEST_AUTO, ABLE | PROBED, VMB_ROUTE_NATIVE, NONE },
	{ "a CPU with sparse", VMB_REQUEST_AUTO, ABLE | SPARSE, VMB_ROUTE_NATIVE, NONE },
	{ "a CPU with sparse whose probe passes", VMB_REQUEST_AUTO, ABLE | SPARSE | PROBED | PASSED, VMB_ROUTE_NATIVE, NONE },
	{ "no host import", VMB_REQUEST_AUTO, CPU | TIMELINE, VMB_ROUTE_NATIVE, NONE },
	{ "no timelines", VMB_REQUEST_AUTO, CPU | IMPORT, VMB_ROUTE_NATIVE, NONE },
	{ "a GPU without sparse", VMB_REQUEST_AUTO, IMPORT | TIMELINE, VMB_ROUTE_NATIVE, NONE },
	{ "a GPU whose probe passes", VMB_REQUEST_AUTO, IMPORT | TIMELINE | PROBED | PASSED, VMB_ROUTE_NATIVE, NONE },
	{ "a GPU with sparse", VMB_REQUEST_AUTO, IMPORT | TIMELINE | SPARSE, VMB_ROUTE_NATIVE, NONE },
	/* requests */
	{ "provide", VMB_REQUEST_PROVIDE, ABLE, VMB_ROUTE_PROVIDE, PROBE },
	{ "provide, passed", VMB_REQUEST_PROVIDE, ABLE | PROBED | PASSED, VMB_ROUTE_PROVIDE, NONE },
	{ "provide, failed", VMB_REQUEST_PROVIDE, ABLE | PROBED, VMB_ROUTE_NATIVE, DENIED },
	{ "provide instead of the driver's sparse", VMB_REQUEST_PROVIDE, ABLE | SPARSE, VMB_ROUTE_PROVIDE, PROBE },
	{ "provide instead of the driver's sparse, passed", VMB_REQUEST_PROVIDE, ABLE | SPARSE | PROBED | PASSED, VMB_ROUTE_PROVIDE, NONE },
	{ "provide instead of the driver's sparse, failed", VMB_REQUEST_PROVIDE, ABLE | SPARSE | PROBED, VMB_ROUTE_NATIVE, DENIED },
	{ "provide without host import", VMB_REQUEST_PROVIDE, CPU | TIMELINE, VMB_ROUTE_NATIVE, DENIED },
	{ "provide without timelines", VMB_REQUEST_PROVIDE, CPU | IMPORT, VMB_ROUTE_NATIVE, DENIED },
	{ "provide on a GPU", VMB_REQUEST_PROVIDE, IMPORT | TIMELINE, VMB_ROUTE_NATIVE, DENIED },
	{ "provide on a GPU with sparse", VMB_REQUEST_PROVIDE, IMPORT | TIMELINE | SPARSE, VMB_ROUTE_NATIVE, DENIED },
	{ "native", VMB_REQUEST_NATIVE, ABLE, VMB_ROUTE_NATIVE, NONE },
	{ "native, passed", VMB_REQUEST_NATIVE, ABLE | PROBED | PASSED, VMB_ROUTE_NATIVE, NONE },
	{ "off", VMB_REQUEST_OFF, ABLE, VMB_ROUTE_NATIVE, NONE },
	{ "assist on a CPU", VMB_REQUEST_ASSIST, ABLE, VMB_ROUTE_NATIVE, DENIED },
	{ "assist on a GPU with sparse", VMB_REQUEST_ASSIST, SPARSE, VMB_ROUTE_NATIVE, DENIED },
};
/* clang-format on */

static struct vmb_route_facts facts_of(enum vmb_route_request request, unsigned facts)
{
	return (struct vmb_route_facts){
		.request = request,
		.driver = facts & CPU ? VK_DRIVER_ID_MESA_LLVMPIPE : 0,
		.has_sparse = facts & SPARSE,
		.missing_extension = !(facts & IMPORT) ? VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME
			: !(facts & TIMELINE)          ? VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME
						       : NULL,
		.probed = facts & PROBED,
		.probe_failure = facts & PASSED ? NULL : "a failure",
	};
}

static void test_scenario(void **state)
{
	const struct scenario *scenario = *state;
	struct vmb_route_facts facts = facts_of(scenario->request, scenario->facts);
	struct vmb_route_choice choice = vmb_route_choose(&facts);

	assert_int_equal(choice.route, scenario->route);
	assert_int_equal(choice.needs_probe, scenario->flags == PROBE);
	assert_int_equal(choice.request_denied, scenario->flags == DENIED);
	assert_non_null(choice.reason);
	assert_true(strlen(choice.reason) > 0);
}

/* The route is provide after a passed probe, and native after a failed probe. */
static void check_after_probe(enum vmb_route_request request, unsigned known)
{
	struct vmb_route_facts facts = facts_of(request, known | PROBED | PASSED);
	struct vmb_route_choice seen = vmb_route_choose(&facts);

	assert_int_equal(seen.route, VMB_ROUTE_PROVIDE);
	assert_false(seen.needs_probe);
	facts.probe_failure = "a failure";
	struct vmb_route_choice unseen = vmb_route_choose(&facts);
	assert_int_equal(unseen.route, VMB_ROUTE_NATIVE);
	assert_false(unseen.needs_probe);
}

/* Checks the rules that apply to every combination of facts. */
static void check_always(enum vmb_route_request request, unsigned known)
{
	struct vmb_route_facts facts = facts_of(request, known);
	struct vmb_route_choice choice = vmb_route_choose(&facts);
	bool provides = choice.route == VMB_ROUTE_PROVIDE;
	bool wants = request == VMB_REQUEST_PROVIDE || request == VMB_REQUEST_ASSIST;

	assert_non_null(choice.reason);
	assert_true(strlen(choice.reason) > 0);
	assert_int_equal(choice.request_denied, wants && !provides);
	assert_int_equal(choice.needs_probe, provides && !(known & PROBED));
	if (provides) {
		assert_int_equal(known & ABLE, ABLE);
		assert_true(request == VMB_REQUEST_PROVIDE ||
			(request == VMB_REQUEST_AUTO && !(known & SPARSE)));
	}
	if (choice.needs_probe) {
		check_after_probe(request, known);
	}
}

/* The route on panvk depends on its sparse support, its version and the kernel's driver. */
static void test_panvk(void **state)
{
#define VERSION(minor) VK_MAKE_API_VERSION(0, 26, minor, 6)
	static const struct {
		enum vmb_route_request request;
		bool has_sparse;
		uint32_t version;
		const char *kernel;
		bool probed;
		bool probe_passed;
		enum vmb_route route;
	} cases[] = {
		{ VMB_REQUEST_AUTO, true, VERSION(1), "", false, false, VMB_ROUTE_ASSIST },
		{ VMB_REQUEST_AUTO, true, VERSION(2), "", false, false, VMB_ROUTE_NATIVE },
		{ VMB_REQUEST_AUTO, true, VERSION(3), "", false, false, VMB_ROUTE_NATIVE },
		{ VMB_REQUEST_ASSIST, true, VERSION(2), "", false, false, VMB_ROUTE_ASSIST },
		{ VMB_REQUEST_ASSIST, false, VERSION(0), "panthor", false, false,
			VMB_ROUTE_NATIVE },
		{ VMB_REQUEST_NATIVE, true, VERSION(1), "", false, false, VMB_ROUTE_NATIVE },
		{ VMB_REQUEST_OFF, true, VERSION(1), "", false, false, VMB_ROUTE_NATIVE },
		{ VMB_REQUEST_AUTO, false, VERSION(0), "panthor", false, false, VMB_ROUTE_PROVIDE },
		{ VMB_REQUEST_AUTO, false, VERSION(0), "panthor", true, true, VMB_ROUTE_PROVIDE },
		{ VMB_REQUEST_AUTO, false, VERSION(0), "panthor", true, false, VMB_ROUTE_NATIVE },
		{ VMB_REQUEST_AUTO, false, VERSION(0), "panfrost", true, true, VMB_ROUTE_NATIVE },
		{ VMB_REQUEST_AUTO, false, VERSION(0), "", true, true, VMB_ROUTE_NATIVE },
		{ VMB_REQUEST_PROVIDE, true, VERSION(1), "panthor", true, true, VMB_ROUTE_PROVIDE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vmb_route_facts facts = {
			.request = cases[i].request,
			.driver = VK_DRIVER_ID_MESA_PANVK,
			.driver_version = cases[i].version,
			.has_sparse = cases[i].has_sparse,
			.kernel_driver = cases[i].kernel,
			.probed = cases[i].probed,
			.probe_failure = cases[i].probe_passed ? NULL : "a failure",
		};
		struct vmb_route_choice choice = vmb_route_choose(&facts);
		assert_int_equal(choice.route, cases[i].route);
		assert_ptr_equal(choice.backend,
			choice.route == VMB_ROUTE_PROVIDE ? &vmb_panthor_backend : NULL);
		/* Only panvk before 26.2 has a fault that the assist route corrects. */
		assert_int_equal(choice.fault != NULL,
			choice.route == VMB_ROUTE_ASSIST && cases[i].version < VERSION(2));
		/* Only a candidate backend makes the layer open the device. */
		assert_int_equal(vmb_route_candidate(&facts) != NULL,
			cases[i].request == VMB_REQUEST_PROVIDE ||
				(cases[i].request == VMB_REQUEST_AUTO && !cases[i].has_sparse));
	}
}

static void test_all_facts(void **state)
{
	static const enum vmb_route_request requests[] = { VMB_REQUEST_AUTO, VMB_REQUEST_NATIVE,
		VMB_REQUEST_ASSIST, VMB_REQUEST_PROVIDE, VMB_REQUEST_OFF };

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		for (unsigned known = 0; known < ALL_FACTS; known++) {
			check_always(requests[i], known);
		}
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(vmb_route_name(VMB_ROUTE_NATIVE), "native");
	assert_string_equal(vmb_route_name(VMB_ROUTE_PROVIDE), "provide");
}

static const struct CMUnitTest others[] = {
	cmocka_unit_test(test_all_facts),
	cmocka_unit_test(test_panvk),
	cmocka_unit_test(test_names),
};

int main(void)
{
	const struct scenario_table table = SCENARIO_TABLE(scenarios);
	const struct CMUnitTest each = { .test_func = test_scenario };

	return run_scenarios("route", &table, &each, others, sizeof(others) / sizeof(others[0]));
}
