/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <string.h>

#include "base/utf8.h"

#define VALUE_COLUMN 17

static const char *style_begin(enum vmb_text_style style)
{
	switch (style) {
	case VMB_TEXT_GOOD:
		return "\033[32m";
	case VMB_TEXT_BAD:
		return "\033[31m";
	case VMB_TEXT_HEADING:
		return "\033[1m";
	default:
		return "";
	}
}

static bool is_printable(uint32_t code)
{
	/* Excludes C0 and C1 control characters: terminals interpret both. */
	return code >= 0x20 && !(code >= 0x7f && code < 0xa0);
}

#define TIE 0xa0

/* The columns up to the next space, one for each character. */
static unsigned word_width(const char *word)
{
	unsigned width = 0;
	uint32_t code;

	while ((code = vmb_utf8_next(&word)) && code != ' ') {
		width++;
	}
	return width;
}

static const char *write_word(FILE *out, const char *word)
{
	char bytes[VMB_UTF8_MAX];

	while (*word && *word != ' ') {
		uint32_t code = vmb_utf8_next(&word);
		if (code == TIE) {
			code = ' ';
		}
		size_t length = vmb_utf8_encode(
			is_printable(code) ? code : VMB_UTF8_REPLACEMENT, bytes);
		fwrite(bytes, 1, length, out);
	}
	return word;
}

/* Writes a value in lines that begin at column indent. */
static void write_wrapped(
	const struct vmb_text *text, unsigned indent, enum vmb_text_style style, const char *value)
{
	unsigned column = indent;
	bool has_style = text->has_color && style != VMB_TEXT_PLAIN;

	fputs(has_style ? style_begin(style) : "", text->out);
	while (*(value += strspn(value, " "))) {
		unsigned width = word_width(value);
		if (column > indent && column + 1 + width > VMB_TEXT_COLUMNS) {
			fprintf(text->out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', text->out);
			column++;
		}
		value = write_word(text->out, value);
		column += width;
	}
	fputs(has_style ? "\033[0m\n" : "\n", text->out);
}

void vmb_text_line(const struct vmb_text *text, enum vmb_text_style style, const char *line)
{
	write_wrapped(text, 0, style, line);
}

void vmb_text_field(const struct vmb_text *text, const char *label, enum vmb_text_style style,
	const char *value)
{
	int written = fprintf(text->out, "  %s%s", label, *label ? ":" : "");

	fprintf(text->out, "%*s", VALUE_COLUMN - written, "");
	write_wrapped(text, VALUE_COLUMN, style, value);
}
