/* SPDX-License-Identifier: MIT */
#ifndef SCENARIOS_H
#define SCENARIOS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A table of scenarios: any array of structures whose first member is a name. */
struct scenario_table {
	const void *first;
	size_t count;
	size_t size; /* of one */
};

#define SCENARIO_TABLE(array) \
	{ \
		array, sizeof(array) / sizeof((array)[0]), sizeof((array)[0]) \
	}

/*
 * Runs each on every scenario of the table, as its initial state and under its name, and then the
 * other tests. Returns what main() has to.
 */
int run_scenarios(const char *group, const struct scenario_table *table,
	const struct CMUnitTest *each, const struct CMUnitTest *others, size_t other_count);

#endif
