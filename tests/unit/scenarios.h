/* SPDX-License-Identifier: MIT */
#ifndef SCENARIOS_H
#define SCENARIOS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* An array of structures whose first member is the name of a scenario. */
struct scenario_table {
	const void *first;
	size_t count;
	size_t size; /* of one element */
};

#define SCENARIO_TABLE(array) \
	{ \
		array, sizeof(array) / sizeof((array)[0]), sizeof((array)[0]) \
	}

/*
 * Runs the test `each` once for each scenario of the table, then the other tests. The scenario is
 * the initial state of the test and gives the test its name. Returns the exit status for main().
 */
int run_scenarios(const char *group, const struct scenario_table *table,
	const struct CMUnitTest *each, const struct CMUnitTest *others, size_t other_count);

#endif
