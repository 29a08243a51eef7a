/* SPDX-License-Identifier: MIT */
#include "base/json_text.h"
#include "base/utf8.h"
#include "input.h"

/*
 * Text of any bytes, through utf8.c and json_text.c. Checks that
 * - each code point is encoded as the bytes that it was read from, or is the replacement character
 *   for one byte;
 * - the text for JSON has no control character and no bare quotation mark, and is valid UTF-8.
 */

static void check_code_point(const char *from, const char *to, uint32_t code)
{
	char encoded[VMB_UTF8_MAX];
	size_t length = (size_t)(to - from);

	expect(code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff), "not a code point");
	size_t size = vmb_utf8_encode(code, encoded);
	if (size == length && memcmp(encoded, from, size) == 0) {
		return;
	}
	expect(code == VMB_UTF8_REPLACEMENT && length == 1, "the code point has unexpected bytes");
}

static void check_utf8(const char *text, size_t size)
{
	const char *at = text;
	uint32_t code;

	do {
		const char *from = at;
		code = vmb_utf8_next(&at);
		if (code) {
			check_code_point(from, at, code);
		}
	} while (code);
	expect(at == text + size, "the end of the text was not found");
	expect(vmb_utf8_next(&at) == 0 && at == text + size, "the end of the text was passed");
}

static void check_json_character(const char *out, size_t size)
{
	char copy[VMB_JSON_CHARACTER_MAX + 1] = { 0 };
	const char *at = copy;

	expect(size <= VMB_JSON_CHARACTER_MAX, "a character is too long");
	memcpy(copy, out, size);
	expect((unsigned char)copy[0] >= 0x20 && copy[0] != 0x7f, "a control character");
	if (copy[0] == '\\') {
		expect((size == 2 && (copy[1] == '"' || copy[1] == '\\')) ||
				(size == 6 && copy[1] == 'u'),
			"an escape sequence that JSON lacks");
		return;
	}
	expect(copy[0] != '"', "a bare quotation mark");
	vmb_utf8_next(&at);
	expect(at == copy + size, "not one UTF-8 sequence");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = exact_memory(size + 1);
	const char *at = text;
	char out[VMB_JSON_CHARACTER_MAX];
	size_t written;

	/* The text ends at the first null byte. */
	if (size) {
		memcpy(text, data, size);
	}
	check_utf8(text, strlen(text));
	while ((written = vmb_json_character(&at, out))) {
		check_json_character(out, written);
	}
	expect(at == text + strlen(text), "the JSON text ends early");
	free(text);
	return 0;
}
