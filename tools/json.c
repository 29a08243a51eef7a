/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <inttypes.h>

#include "base/json_text.h"

static void write_string(FILE *out, const char *text)
{
	char bytes[VMB_JSON_CHARACTER_MAX];
	size_t size;

	fputc('"', out);
	while ((size = vmb_json_character(&text, bytes))) {
		fwrite(bytes, 1, size, out);
	}
	fputc('"', out);
}

static void new_line(struct vmb_json *json)
{
	fputc('\n', json->out);
	for (unsigned i = 0; i < json->depth; i++) {
		fputs("  ", json->out);
	}
}

static void begin_value(struct vmb_json *json, const char *key)
{
	if (json->depth > 0) {
		if (!json->is_empty) {
			fputc(',', json->out);
		}
		new_line(json);
	}
	json->is_empty = false;
	if (key) {
		write_string(json->out, key);
		fputs(": ", json->out);
	}
}

void vmb_json_init(struct vmb_json *json, FILE *out)
{
	*json = (struct vmb_json){ .out = out, .is_empty = true };
}

void vmb_json_begin(struct vmb_json *json, const char *key, char bracket)
{
	begin_value(json, key);
	fputc(bracket, json->out);
	json->depth++;
	json->is_empty = true;
}

void vmb_json_end(struct vmb_json *json, char bracket)
{
	json->depth--;
	if (!json->is_empty) {
		new_line(json);
	}
	fputc(bracket, json->out);
	json->is_empty = false;
}

void vmb_json_string(struct vmb_json *json, const char *key, const char *text)
{
	if (!text) {
		vmb_json_null(json, key);
		return;
	}
	begin_value(json, key);
	write_string(json->out, text);
}

void vmb_json_number(struct vmb_json *json, const char *key, uint64_t number)
{
	begin_value(json, key);
	fprintf(json->out, "%" PRIu64, number);
}

void vmb_json_bool(struct vmb_json *json, const char *key, bool value)
{
	begin_value(json, key);
	fputs(value ? "true" : "false", json->out);
}

void vmb_json_null(struct vmb_json *json, const char *key)
{
	begin_value(json, key);
	fputs("null", json->out);
}

void vmb_json_finish(struct vmb_json *json)
{
	fputc('\n', json->out);
}
