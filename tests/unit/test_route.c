/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "route/rules.h"
#include "scenarios.h"

/* What is known, a letter each. */
#define CPU 1u
#define SPARSE 2u
#define IMPORT 4u
#define TIMELINE 8u
#define TRIED 16u
#define SEEN 32u
#define ALL_FACTS 64u

#define ABLE (CPU | IMPORT | TIMELINE)

enum flags {
	NONE,
	PROBE, /* needs_trial */
	DENIED, /* wish_denied */
};

struct scenario {
	const char *name;
	enum vmb_route_wish wish;
	unsigned facts;
	enum vmb_route route;
	enum flags flags;
};

/* clang-format off */
static const struct scenario scenarios[] = {
	{ "nothing known", VMB_WISH_AUTO, 0, VMB_ROUTE_NATIVE, NONE },
	{ "a CPU", VMB_WISH_AUTO, ABLE, VMB_ROUTE_PROVIDE, PROBE },
	{ "a CPU that sees remaps", VMB_WISH_AUTO, ABLE | TRIED | SEEN, VMB_ROUTE_PROVIDE, NONE },
	{ "a CPU that does not", VMB_WISH_AUTO, ABLE | TRIED, VMB_ROUTE_NATIVE, NONE },
	{ "a CPU with sparse", VMB_WISH_AUTO, ABLE | SPARSE, VMB_ROUTE_NATIVE, NONE },
	{ "a CPU with sparse that sees remaps", VMB_WISH_AUTO, ABLE | SPARSE | TRIED | SEEN, VMB_ROUTE_NATIVE, NONE },
	{ "no host import", VMB_WISH_AUTO, CPU | TIMELINE, VMB_ROUTE_NATIVE, NONE },
	{ "no timelines", VMB_WISH_AUTO, CPU | IMPORT, VMB_ROUTE_NATIVE, NONE },
	{ "a GPU without sparse", VMB_WISH_AUTO, IMPORT | TIMELINE, VMB_ROUTE_NATIVE, NONE },
	{ "a GPU that sees remaps", VMB_WISH_AUTO, IMPORT | TIMELINE | TRIED | SEEN, VMB_ROUTE_NATIVE, NONE },
	{ "a GPU with sparse", VMB_WISH_AUTO, IMPORT | TIMELINE | SPARSE, VMB_ROUTE_NATIVE, NONE },
	/* wishes */
	{ "provide", VMB_WISH_PROVIDE, ABLE, VMB_ROUTE_PROVIDE, PROBE },
	{ "provide, seen", VMB_WISH_PROVIDE, ABLE | TRIED | SEEN, VMB_ROUTE_PROVIDE, NONE },
	{ "provide, not seen", VMB_WISH_PROVIDE, ABLE | TRIED, VMB_ROUTE_NATIVE, DENIED },
	{ "provide over the driver's", VMB_WISH_PROVIDE, ABLE | SPARSE, VMB_ROUTE_PROVIDE, PROBE },
	{ "provide over the driver's, seen", VMB_WISH_PROVIDE, ABLE | SPARSE | TRIED | SEEN, VMB_ROUTE_PROVIDE, NONE },
	{ "provide over the driver's, not seen", VMB_WISH_PROVIDE, ABLE | SPARSE | TRIED, VMB_ROUTE_NATIVE, DENIED },
	{ "provide without host import", VMB_WISH_PROVIDE, CPU | TIMELINE, VMB_ROUTE_NATIVE, DENIED },
	{ "provide without timelines", VMB_WISH_PROVIDE, CPU | IMPORT, VMB_ROUTE_NATIVE, DENIED },
	{ "provide on a GPU", VMB_WISH_PROVIDE, IMPORT | TIMELINE, VMB_ROUTE_NATIVE, DENIED },
	{ "provide on a GPU with sparse", VMB_WISH_PROVIDE, IMPORT | TIMELINE | SPARSE, VMB_ROUTE_NATIVE, DENIED },
	{ "native", VMB_WISH_NATIVE, ABLE, VMB_ROUTE_NATIVE, NONE },
	{ "native, seen", VMB_WISH_NATIVE, ABLE | TRIED | SEEN, VMB_ROUTE_NATIVE, NONE },
	{ "off", VMB_WISH_OFF, ABLE, VMB_ROUTE_NATIVE, NONE },
	{ "assist on a CPU", VMB_WISH_ASSIST, ABLE, VMB_ROUTE_NATIVE, DENIED },
	{ "assist on a GPU with sparse", VMB_WISH_ASSIST, SPARSE, VMB_ROUTE_NATIVE, DENIED },
};
/* clang-format on */

static struct vmb_route_facts facts_of(enum vmb_route_wish wish, unsigned facts)
{
	return (struct vmb_route_facts){
		.wish = wish,
		.is_cpu = facts & CPU,
		.has_sparse = facts & SPARSE,
		.can_import_host = facts & IMPORT,
		.has_timeline = facts & TIMELINE,
		.tried = facts & TRIED,
		.passed = facts & SEEN,
	};
}

static void test_scenario(void **state)
{
	const struct scenario *scenario = *state;
	struct vmb_route_facts facts = facts_of(scenario->wish, scenario->facts);
	struct vmb_route_choice choice = vmb_route_choose(&facts);

	assert_int_equal(choice.route, scenario->route);
	assert_int_equal(choice.needs_trial, scenario->flags == PROBE);
	assert_int_equal(choice.wish_denied, scenario->flags == DENIED);
	assert_non_null(choice.reason);
	assert_true(strlen(choice.reason) > 0);
}

/* A probe settles the matter: what it says decides between what was chosen and native. */
static void check_after_probe(enum vmb_route_wish wish, unsigned known)
{
	struct vmb_route_facts facts = facts_of(wish, known | TRIED | SEEN);
	struct vmb_route_choice seen = vmb_route_choose(&facts);

	assert_int_equal(seen.route, VMB_ROUTE_PROVIDE);
	assert_false(seen.needs_trial);
	facts.passed = false;
	struct vmb_route_choice unseen = vmb_route_choose(&facts);
	assert_int_equal(unseen.route, VMB_ROUTE_NATIVE);
	assert_false(unseen.needs_trial);
}

/* What holds whatever the facts are. */
static void check_always(enum vmb_route_wish wish, unsigned known)
{
	struct vmb_route_facts facts = facts_of(wish, known);
	struct vmb_route_choice choice = vmb_route_choose(&facts);
	bool provides = choice.route == VMB_ROUTE_PROVIDE;
	bool wants = wish == VMB_WISH_PROVIDE || wish == VMB_WISH_ASSIST;

	assert_non_null(choice.reason);
	assert_true(strlen(choice.reason) > 0);
	assert_int_equal(choice.wish_denied, wants && !provides);
	assert_int_equal(choice.needs_trial, provides && !(known & TRIED));
	if (provides) {
		assert_int_equal(known & ABLE, ABLE);
		assert_true(
			wish == VMB_WISH_PROVIDE || (wish == VMB_WISH_AUTO && !(known & SPARSE)));
	}
	if (choice.needs_trial) {
		check_after_probe(wish, known);
	}
}

/* panvk, by what it reports, its version, and the kernel's driver. */
static void test_panvk(void **state)
{
#define VERSION(minor) VK_MAKE_API_VERSION(0, 26, minor, 6)
	static const struct {
		enum vmb_route_wish wish;
		bool has_sparse;
		uint32_t version;
		const char *kernel;
		bool tried;
		bool passed;
		enum vmb_route route;
	} cases[] = {
		{ VMB_WISH_AUTO, true, VERSION(1), "", false, false, VMB_ROUTE_ASSIST },
		{ VMB_WISH_AUTO, true, VERSION(2), "", false, false, VMB_ROUTE_NATIVE },
		{ VMB_WISH_AUTO, true, VERSION(3), "", false, false, VMB_ROUTE_NATIVE },
		{ VMB_WISH_ASSIST, true, VERSION(2), "", false, false, VMB_ROUTE_ASSIST },
		{ VMB_WISH_ASSIST, false, VERSION(0), "panthor", false, false, VMB_ROUTE_NATIVE },
		{ VMB_WISH_NATIVE, true, VERSION(1), "", false, false, VMB_ROUTE_NATIVE },
		{ VMB_WISH_OFF, true, VERSION(1), "", false, false, VMB_ROUTE_NATIVE },
		{ VMB_WISH_AUTO, false, VERSION(0), "panthor", false, false, VMB_ROUTE_PROVIDE },
		{ VMB_WISH_AUTO, false, VERSION(0), "panthor", true, true, VMB_ROUTE_PROVIDE },
		{ VMB_WISH_AUTO, false, VERSION(0), "panthor", true, false, VMB_ROUTE_NATIVE },
		{ VMB_WISH_AUTO, false, VERSION(0), "panfrost", true, true, VMB_ROUTE_NATIVE },
		{ VMB_WISH_AUTO, false, VERSION(0), "", true, true, VMB_ROUTE_NATIVE },
		{ VMB_WISH_PROVIDE, true, VERSION(1), "panthor", true, true, VMB_ROUTE_PROVIDE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vmb_route_facts facts = {
			.wish = cases[i].wish,
			.driver = VK_DRIVER_ID_MESA_PANVK,
			.driver_version = cases[i].version,
			.has_sparse = cases[i].has_sparse,
			.can_share_semaphores = true,
			.has_timeline = true,
			.tried = cases[i].tried,
			.passed = cases[i].passed,
		};
		strcpy(facts.kernel.name, cases[i].kernel);
		struct vmb_route_choice choice = vmb_route_choose(&facts);
		assert_int_equal(choice.route, cases[i].route);
		assert_int_equal(choice.backend,
			choice.route == VMB_ROUTE_PROVIDE ? VMB_BACKEND_PANTHOR : VMB_BACKEND_NONE);
		/* Only what has a fault has one worked around. */
		assert_int_equal(choice.fault != NULL,
			choice.route == VMB_ROUTE_ASSIST && cases[i].version < VERSION(2));
		/* To open the kernel's device is for those alone that depend on it. */
		assert_int_equal(vmb_route_needs_kernel(&facts),
			cases[i].wish == VMB_WISH_PROVIDE ||
				(cases[i].wish == VMB_WISH_AUTO && !cases[i].has_sparse));
	}
}

static void test_all_facts(void **state)
{
	static const enum vmb_route_wish wishes[] = { VMB_WISH_AUTO, VMB_WISH_NATIVE,
		VMB_WISH_ASSIST, VMB_WISH_PROVIDE, VMB_WISH_OFF };

	(void)state;
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		for (unsigned known = 0; known < ALL_FACTS; known++) {
			check_always(wishes[i], known);
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
