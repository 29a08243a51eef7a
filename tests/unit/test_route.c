/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "route.h"
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
	PROBE, /* needs_probe */
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
		.remap_tried = facts & TRIED,
		.remap_seen = facts & SEEN,
	};
}

static void test_scenario(void **state)
{
	const struct scenario *scenario = *state;
	struct vmb_route_facts facts = facts_of(scenario->wish, scenario->facts);
	struct vmb_route_choice choice = vmb_route_choose(&facts);

	assert_int_equal(choice.route, scenario->route);
	assert_int_equal(choice.needs_probe, scenario->flags == PROBE);
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
	assert_false(seen.needs_probe);
	facts.remap_seen = false;
	struct vmb_route_choice unseen = vmb_route_choose(&facts);
	assert_int_equal(unseen.route, VMB_ROUTE_NATIVE);
	assert_false(unseen.needs_probe);
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
	assert_int_equal(choice.needs_probe, provides && !(known & TRIED));
	if (provides) {
		assert_int_equal(known & ABLE, ABLE);
		assert_true(
			wish == VMB_WISH_PROVIDE || (wish == VMB_WISH_AUTO && !(known & SPARSE)));
	}
	if (choice.needs_probe) {
		check_after_probe(wish, known);
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
	cmocka_unit_test(test_names),
};

int main(void)
{
	const struct scenario_table table = SCENARIO_TABLE(scenarios);
	const struct CMUnitTest each = { .test_func = test_scenario };

	return run_scenarios("route", &table, &each, others, sizeof(others) / sizeof(others[0]));
}
