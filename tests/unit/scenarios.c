/* SPDX-License-Identifier: MIT */
#include "scenarios.h"

#include <string.h>

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
	memcpy(&tests[table->count], others, other_count * sizeof(*others));
	return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}
