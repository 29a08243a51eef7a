/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_ALLOC_H
#define VMB_SIM_ALLOC_H

#include <stddef.h>

/*
 * A test that runs out of memory has nothing to say about what it tests: these say so on stderr and
 * abort. They never return NULL; the memory goes back with free().
 */

/* Zeroed. */
void *vmb_sim_alloc(size_t size);
/* Makes room for one more element where count is the capacity in use, doubling it. */
void *vmb_sim_grow(void *array, size_t count, size_t *capacity, size_t element_size);

#endif
