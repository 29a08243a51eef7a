/* SPDX-License-Identifier: MIT */
#include "scenarios.h"

int run_scenarios(const char *group, const struct scenario_table *table,
	const struct CMUnitTest *each, const struct CMUnitTest *others, size_t other_count)
{
	struct CMUnitTest tests[table->count + other_count];

	for (size_t i = 0; i < table->count; i++) {
		const char *scenario = (const char *)table->first + i * table->size;
		tests[i] = *each;
		tests[i].name = *(const char *const *)scenario;
		tests[i].initial_state = (void *)(uintptr_t)scenario;
	}
	for (size_t i = 0; i < other_count; i++) {
		tests[table->count + i] = others[i];
	}
	return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}
