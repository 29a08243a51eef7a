/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_UTF8_H
#define VMB_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Names that drivers report should be UTF-8, but need not be. Any thread may call these
 * functions. */

#define VMB_UTF8_REPLACEMENT UINT32_C(0xfffd)
#define VMB_UTF8_MAX 4 /* bytes of the longest sequence */

/* Returns the next code point and advances text; 0 at the end, without advancing. Each byte that is
 * not UTF-8 gives the replacement character. */
uint32_t vmb_utf8_next(const char **text);
/* Writes the code point without a null byte. Returns the number of bytes, at most VMB_UTF8_MAX. */
size_t vmb_utf8_encode(uint32_t code, char *out);

#endif
