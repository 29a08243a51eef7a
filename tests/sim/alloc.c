/* SPDX-License-Identifier: MIT */
#include "alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check_memory(void *memory)
{
	if (!memory) {
		fputs("vmbind_sim: out of memory\n", stderr);
		abort();
	}
	return memory;
}

void *vmb_sim_alloc(size_t size)
{
	return check_memory(calloc(1, size ? size : 1));
}

void *vmb_sim_grow(void *array, size_t count, size_t *capacity, size_t element_size)
{
	if (count < *capacity) {
		return array;
	}
	size_t grown = *capacity ? 2 * *capacity : 16;
	if (grown > SIZE_MAX / element_size) {
		return check_memory(NULL);
	}
	*capacity = grown;
	return check_memory(realloc(array, grown * element_size));
}
