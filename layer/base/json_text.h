/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_JSON_TEXT_H
#define VMB_BASE_JSON_TEXT_H

#include <stddef.h>

#define VMB_JSON_CHARACTER_MAX 6

/* The next character of a text as it stands in a JSON string (RFC 8259, section 7), of which out has room for
 * VMB_JSON_CHARACTER_MAX bytes. Returns how many there are, 0 at the end of the text. What is not UTF-8 becomes
 * replacement characters: programs and drivers call themselves what they like. */
size_t vmb_json_character(const char **text, char *out);

#endif
