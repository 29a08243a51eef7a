/* SPDX-License-Identifier: MIT */
#include "base/json_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

size_t vmb_json_character(const char **text, char *out)
{
	uint32_t code = vmb_utf8_next(text);
	char escaped[VMB_JSON_CHARACTER_MAX + 1];

	if (code == 0) {
		return 0;
	}
	if (code == '"' || code == '\\') {
		out[0] = '\\';
		out[1] = (char)code;
		return 2;
	}
	if (code >= 0x20 && code != 0x7f) {
		return vmb_utf8_encode(code, out);
	}
	snprintf(escaped, sizeof(escaped), "\\u%04" PRIx32, code);
	memcpy(out, escaped, VMB_JSON_CHARACTER_MAX);
	return VMB_JSON_CHARACTER_MAX;
}

void vmb_json_write_string(FILE *out, const char *key, const char *value)
{
	char bytes[VMB_JSON_CHARACTER_MAX];
	size_t size;

	fprintf(out, "\"%s\":\"", key);
	while ((size = vmb_json_character(&value, bytes))) {
		fwrite(bytes, 1, size, out);
	}
	fprintf(out, "\",");
}

void vmb_json_write_number(FILE *out, const char *key, uint64_t value)
{
	fprintf(out, "\"%s\":%" PRIu64 ",", key, value);
}
