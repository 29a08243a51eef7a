/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <stdbool.h>

/* The length of a sequence by its first byte, or 0 if no sequence begins with this byte. */
static size_t sequence_length(unsigned char first)
{
	if (first < 0x80) {
		return 1;
	}
	if (first < 0xc2) {
		return 0;
	}
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

/* Rejects overlong sequences, surrogates, and code points above U+10FFFF. */
static bool is_code_point(uint32_t code, size_t length)
{
	static const uint32_t first[] = { 0, 0, 0x80, 0x800, 0x10000 };

	return code >= first[length] && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
}

uint32_t vmb_utf8_next(const char **text)
{
	const unsigned char *at = (const unsigned char *)*text;
	size_t length = sequence_length(*at);

	if (*at == '\0') {
		return 0;
	}
	(*text)++;
	if (length <= 1) {
		return length ? *at : VMB_UTF8_REPLACEMENT;
	}
	uint32_t code = *at & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		/* The terminating null byte fails this test too. */
		if ((at[i] & 0xc0) != 0x80) {
			return VMB_UTF8_REPLACEMENT;
		}
		code = code << 6 | (at[i] & 0x3fu);
	}
	if (!is_code_point(code, length)) {
		return VMB_UTF8_REPLACEMENT;
	}
	*text += length - 1;
	return code;
}

size_t vmb_utf8_encode(uint32_t code, char *out)
{
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	if (length == 1) {
		out[0] = (char)code;
		return 1;
	}
	for (size_t i = length - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	out[0] = (char)(lead[length] | code);
	return length;
}
