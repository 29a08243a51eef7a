/* SPDX-License-Identifier: MIT */
#ifndef VMB_CHECK_REPORT_JSON_H
#define VMB_CHECK_REPORT_JSON_H

#include <stdio.h>

#include "report.h"
#include "run.h"

/* The report for programs, as vmbind-check(1) describes it. facts: the report of vmbind-info.
 * Returns 0 or -ENOMEM. */
int json_write(FILE *out, const struct vmb_report *facts, const struct run *runs, size_t run_count,
	const struct check_list *list);

#endif
