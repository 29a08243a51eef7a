/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FAIL_ALLOC_H
#define TESTS_FAIL_ALLOC_H

#include <stdint.h>

/*
 * Allocations that fail on request. For objects linked into a program with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc; not thread-safe.
 */

#define FAIL_NEVER UINT64_MAX

/* From now on the first good allocations succeed and all others fail. Starts the count anew. */
void fail_alloc_after(uint64_t good);
/* Allocations tried since then. */
uint64_t fail_alloc_count(void);

#endif
