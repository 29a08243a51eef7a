/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_JSON_TEXT_H
#define VMB_BASE_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define VMB_JSON_CHARACTER_MAX 6

/*
 * The next character of a text in the form of a JSON string (RFC 8259, section 7). out has room for
 * VMB_JSON_CHARACTER_MAX bytes. Returns their number, 0 at the end of the text. Bytes that are not
 * UTF-8 become replacement characters: the names of programs and drivers can hold any bytes.
 */
size_t vmb_json_character(const char **text, char *out);

/* Write a member of a JSON object, with a comma behind it. */
void vmb_json_write_string(FILE *out, const char *key, const char *value);
void vmb_json_write_number(FILE *out, const char *key, uint64_t value);

#endif
