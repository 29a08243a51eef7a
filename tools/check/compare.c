/* SPDX-License-Identifier: MIT */
#include "compare.h"

#include <string.h>

/* Single measurements differ by this much without a reason. */
#define NOISE 1.5

double compare_speed(const struct check_result *without, const struct check_result *with)
{
	bool is_rate = with->unit && strcmp(with->unit, "1/s") == 0;

	if (without->value <= 0 || with->value <= 0) {
		return 1;
	}
	return is_rate ? with->value / without->value : without->value / with->value;
}

enum change compare_results(const struct check_result *without, const struct check_result *with)
{
	if (without->status == CHECK_FIGURE && with->status == CHECK_FIGURE) {
		double speed = compare_speed(without, with);
		return speed >= NOISE        ? CHANGE_FASTER
			: speed <= 1 / NOISE ? CHANGE_SLOWER
					     : CHANGE_NONE;
	}
	if (without->status == with->status) {
		return CHANGE_NONE;
	}
	if (with->status == CHECK_FAIL || without->status == CHECK_PASS ||
		without->status == CHECK_FIGURE) {
		return CHANGE_WORSE;
	}
	if (with->status == CHECK_SKIP) {
		return CHANGE_NONE;
	}
	return without->status == CHECK_FAIL ? CHANGE_MENDED : CHANGE_ADDED;
}

size_t compare_count(const struct run *without, const struct run *with,
	const struct check_list *list, enum change change)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		count += compare_results(&without->results[i], &with->results[i]) == change;
	}
	return count;
}

const char *change_name(enum change change)
{
	static const char *const names[] = {
		[CHANGE_NONE] = "same",
		[CHANGE_MENDED] = "mended",
		[CHANGE_ADDED] = "added",
		[CHANGE_WORSE] = "worse",
		[CHANGE_FASTER] = "faster",
		[CHANGE_SLOWER] = "slower",
	};

	return names[change];
}
