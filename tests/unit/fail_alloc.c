/* SPDX-License-Identifier: MIT */
#include "fail_alloc.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

/* The linker's --wrap option defines these names. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static uint64_t call_count;
static uint64_t good_count = FAIL_NEVER;

void fail_alloc_after(uint64_t good)
{
	call_count = 0;
	good_count = good;
}

uint64_t fail_alloc_count(void)
{
	return call_count;
}

static bool fails(void)
{
	if (call_count++ < good_count) {
		return false;
	}
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : __real_realloc(memory, size);
}
