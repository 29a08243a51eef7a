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

void vmb_sim_text_add(struct vmb_sim_text *text, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0) {
		abort();
	}

	reserve(text, (size_t)length + 1);
	va_start(arguments, format);
	vsnprintf(text->text + text->length, (size_t)length + 1, format, arguments);
	va_end(arguments);
	text->length += (size_t)length;
}

void vmb_sim_text_add_string(struct vmb_sim_text *text, const char *string)
{
	vmb_sim_text_add(text, "\"");
	for (const unsigned char *c = (const unsigned char *)string; *c; c++) {
		if (*c == '"' || *c == '\\') {
			vmb_sim_text_add(text, "\\%c", *c);
		} else if (*c < 0x20) {
			vmb_sim_text_add(text, "\\u%04x", *c);
		} else {
			vmb_sim_text_add(text, "%c", *c);
		}
	}
	vmb_sim_text_add(text, "\"");
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
