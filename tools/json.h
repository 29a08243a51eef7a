/* SPDX-License-Identifier: MIT */
#ifndef VMB_JSON_H
#define VMB_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Writes indented JSON. The key of a value is NULL inside an array and at the top. The caller
 * checks the stream for errors (ferror). */
struct vmb_json {
	FILE *out;
	unsigned depth;
	bool is_empty; /* the innermost object or array has no value yet */
};

void vmb_json_init(struct vmb_json *json, FILE *out);
void vmb_json_begin(struct vmb_json *json, const char *key, char bracket); /* '{' or '[' */
void vmb_json_end(struct vmb_json *json, char bracket); /* '}' or ']' */
/* text may be NULL, and need not be UTF-8. */
void vmb_json_string(struct vmb_json *json, const char *key, const char *text);
void vmb_json_number(struct vmb_json *json, const char *key, uint64_t number);
void vmb_json_bool(struct vmb_json *json, const char *key, bool value);
void vmb_json_null(struct vmb_json *json, const char *key);
/* Ends the document. */
void vmb_json_finish(struct vmb_json *json);

#endif
