/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_UTF8_H
#define VMB_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* What drivers call themselves ought to be UTF-8. */

#define VMB_UTF8_REPLACEMENT UINT32_C(0xfffd)
#define VMB_UTF8_MAX 4

/* The next code point, 0 at the end; the replacement character for each byte that is not UTF-8. */
uint32_t vmb_utf8_next(const char **text);
/* Returns the number of bytes, at most VMB_UTF8_MAX. */
size_t vmb_utf8_encode(uint32_t code, char *out);

#endif
