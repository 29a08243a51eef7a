/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"

static void reserve(struct vmb_sim_text *text, size_t more)
{
	while (text->capacity - text->length < more) {
		text->text = vmb_sim_grow(text->text, text->capacity, &text->capacity, 1);
	}
}

/* Formats into the remaining room. Returns the length that the text has or needs. */
static size_t format_text(struct vmb_sim_text *text, const char *format, va_list arguments)
{
	size_t room = text->capacity - text->length;
	int length = vsnprintf(room ? text->text + text->length : NULL, room, format, arguments);
	if (length < 0) {
		abort();
	}
	return (size_t)length;
}

/* Tests run whole programs under emulation, so speed matters: the first attempt mostly has room. */
void vmb_sim_text_add(struct vmb_sim_text *text, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	size_t length = format_text(text, format, arguments);
	va_end(arguments);
	if (length >= text->capacity - text->length) {
		reserve(text, length + 1);
		va_start(arguments, format);
		format_text(text, format, arguments);
		va_end(arguments);
	}
	text->length += length;
}

static void add_char(struct vmb_sim_text *text, char c)
{
	reserve(text, 1);
	text->text[text->length++] = c;
}

void vmb_sim_text_add_string(struct vmb_sim_text *text, const char *string)
{
	add_char(text, '"');
	for (const unsigned char *c = (const unsigned char *)string; *c; c++) {
		if (*c < 0x20) {
			vmb_sim_text_add(text, "\\u%04x", *c);
			continue;
		}
		if (*c == '"' || *c == '\\') {
			add_char(text, '\\');
		}
		add_char(text, (char)*c);
	}
	add_char(text, '"');
}

void vmb_sim_text_add_flags(struct vmb_sim_text *text, uint32_t flags,
	const struct vmb_sim_flag_name *names, size_t name_count)
{
	const char *separator = "";
	vmb_sim_text_add(text, "[");
	for (size_t i = 0; i < name_count; i++) {
		if (flags & names[i].flag) {
			vmb_sim_text_add(text, "%s\"%s\"", separator, names[i].name);
			separator = ",";
			flags &= ~names[i].flag;
		}
	}
	if (flags) {
		vmb_sim_text_add(text, "%s%" PRIu32, separator, flags);
	}
	vmb_sim_text_add(text, "]");
}

void vmb_sim_text_finish(struct vmb_sim_text *text)
{
	free(text->text);
	*text = (struct vmb_sim_text){ 0 };
}
