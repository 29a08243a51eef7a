/* SPDX-License-Identifier: MIT */
#ifndef VMB_CHECK_REPORT_TEXT_H
#define VMB_CHECK_REPORT_TEXT_H

#include <stdio.h>

#include "run.h"

/* The report for people, in 80 columns. Each line is written when its check is done. */

void text_write_list(FILE *out, const struct check_list *list);
void text_write_device(FILE *out, const struct run *run);
void text_write_result(FILE *out, const struct check *check, const struct check_result *result);
void text_write_summary(FILE *out, const struct run *run, const struct check_list *list);

/* Both runs of --compare, without the layer and with it. */
void text_write_comparison(FILE *out, const struct run *without, const struct run *with,
	const struct check_list *list);

#endif
