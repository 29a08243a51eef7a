/* SPDX-License-Identifier: MIT */
#ifndef VMB_TEXT_H
#define VMB_TEXT_H

#include <stdbool.h>
#include <stdio.h>

/* Text for people: 80 columns, in colour only if told so. What comes from drivers may hold
 * anything; nothing of it but printable characters is written. */
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
/* A space that no line ends at. */
#define VMB_TEXT_TIE "\xc2\xa0"

/* A line of its own, wrapped. */
void vmb_text_line(const struct vmb_text *text, enum vmb_text_style style, const char *line);
/* "  label:   value", the value wrapped in its own column. An empty label goes on with the one
 * before. A word is never broken, for it may be a path. */
void vmb_text_field(const struct vmb_text *text, const char *label, enum vmb_text_style style,
	const char *value);

#endif
