/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* _dl_find_object, RTLD_NEXT */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/*
 * For LD_PRELOAD: each allocation whose number is a multiple of VMB_TEST_FAIL_EACH fails, of those
 * that the layer makes itself. All other code gets its memory: drivers do not survive the failure.
 */

#define EXPORT __attribute__((visibility("default")))

EXPORT void *malloc(size_t size);
EXPORT void *calloc(size_t count, size_t size);
EXPORT void *realloc(void *block, size_t size);

/* glibc's own names of its allocator. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);

static atomic_ulong calls;

static int fails(void *caller)
{
	struct dl_find_object object;

	if (_dl_find_object(caller, &object) != 0 || !object.dlfo_link_map->l_name ||
		!strstr(object.dlfo_link_map->l_name, "VkLayer_VMBIND_sparse")) {
		return 0;
	}
	const char *each = getenv("VMB_TEST_FAIL_EACH");
	const unsigned long period = each ? strtoul(each, NULL, 10) : 0;
	if (period == 0 || (atomic_fetch_add(&calls, 1) + 1) % period != 0) {
		return 0;
	}
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(block, size);
}
