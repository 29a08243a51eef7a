/* SPDX-License-Identifier: MIT */
#ifndef VMB_CHECK_COMPARE_H
#define VMB_CHECK_COMPARE_H

#include "run.h"

/* What the layer does to a check. */
enum change {
	CHANGE_NONE,
	CHANGE_MENDED, /* FAIL to PASS */
	CHANGE_ADDED, /* SKIP to PASS */
	CHANGE_WORSE, /* PASS to anything else, or SKIP to FAIL */
	CHANGE_FASTER, /* by half or more; single measurements differ by less without a reason */
	CHANGE_SLOWER,
};

enum change compare_results(const struct check_result *without, const struct check_result *with);
/* How many times faster the figure is with the layer. */
double compare_speed(const struct check_result *without, const struct check_result *with);
size_t compare_count(const struct run *without, const struct run *with,
	const struct check_list *list, enum change change);
/* One word for reports. */
const char *change_name(enum change change);

#endif
