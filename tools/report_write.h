/* SPDX-License-Identifier: MIT */
#ifndef VMB_REPORT_WRITE_H
#define VMB_REPORT_WRITE_H

#include <stdbool.h>
#include <stdio.h>

#include "report.h"

/* What cannot be written shows in the stream (ferror). */

void vmb_report_write_text(const struct vmb_report *report, FILE *out, bool has_color);
/* The format is that of vmbind-info(1). */
void vmb_report_write_json(const struct vmb_report *report, FILE *out);

#define VMB_JSON_FORMAT 1

#endif
