/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_JSON_TEXT_H
#define VMB_BASE_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The most bytes of one character in a JSON string: \u0000. */
#define VMB_JSON_CHARACTER_MAX 6

/*
 * Writes the next character of a text as part of a JSON string (RFC 8259, section 7), without a
 * null byte, and advances text. out has room for VMB_JSON_CHARACTER_MAX bytes. Returns the number
 * of bytes, or 0 at the end of the text. Names of programs and drivers can hold any bytes; a byte
 * that is not UTF-8 becomes the replacement character.
 */
size_t vmb_json_character(const char **text, char *out);

/* Write a member of a JSON object and a comma. */
void vmb_json_write_string(FILE *out, const char *key, const char *value);
void vmb_json_write_number(FILE *out, const char *key, uint64_t value);

#endif
