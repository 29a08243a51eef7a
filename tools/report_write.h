/* SPDX-License-Identifier: MIT */
#ifndef VMB_REPORT_WRITE_H
#define VMB_REPORT_WRITE_H

#include <stdbool.h>
#include <stdio.h>

#include "report.h"

/* The caller checks the stream for errors (ferror). */

void vmb_report_write_text(const struct vmb_report *report, FILE *out, bool has_color);
/* vmbind-info(1) describes the format. */
void vmb_report_write_json(const struct vmb_report *report, FILE *out);

#define VMB_JSON_FORMAT 1

#endif
