/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FAIL_ALLOC_H
#define TESTS_FAIL_ALLOC_H

#include <stdint.h>

/*
 * Allocations that fail on request, in programs linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc. Not thread-safe.
 */

#define FAIL_NEVER UINT64_MAX

/* The next `good` allocations succeed and all later ones fail. Resets the count. */
void fail_alloc_after(uint64_t good);
/* The number of allocations since the last fail_alloc_after(), including failed ones. */
uint64_t fail_alloc_count(void);

#endif
