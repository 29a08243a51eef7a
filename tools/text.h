/* SPDX-License-Identifier: MIT */
#ifndef VMB_TEXT_H
#define VMB_TEXT_H

#include <stdbool.h>
#include <stdio.h>

/* Text for people, wrapped at 80 columns. Strings of drivers may contain any bytes; only printable
 * characters are written. */
struct vmb_text {
	FILE *out;
	bool has_color;
};

enum vmb_text_style {
	VMB_TEXT_PLAIN,
	VMB_TEXT_GOOD,
	VMB_TEXT_BAD,
	VMB_TEXT_HEADING,
};

#define VMB_TEXT_COLUMNS 80
/* A space at which no line is wrapped. */
#define VMB_TEXT_TIE "\xc2\xa0"

/* Writes a wrapped line. */
void vmb_text_line(const struct vmb_text *text, enum vmb_text_style style, const char *line);
/* Writes "  label:   value", with the value wrapped in its own column. An empty label continues the
 * previous field. A word is never broken, because it may be a path. */
void vmb_text_field(const struct vmb_text *text, const char *label, enum vmb_text_style style,
	const char *value);

#endif
