/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_ALLOC_H
#define VMB_SIM_ALLOC_H

#include <stddef.h>

/*
 * Allocation for tests. Without memory the functions print a message to stderr and abort, because
 * the test has no result. They never return NULL. The caller frees the memory with free().
 */

/* Allocates zeroed memory. */
void *vmb_sim_alloc(size_t size);
/* Makes room for one more element after the first count elements. Doubles a full array. */
void *vmb_sim_grow(void *array, size_t count, size_t *capacity, size_t element_size);

#endif
