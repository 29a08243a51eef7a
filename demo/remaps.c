/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "measure.h"

/*
 * On a CPU driver a bind is one mmap() with MAP_FIXED. The functions of a program take precedence
 * over those of its libraries, so the driver and the layer call this mmap(). It counts the calls
 * and forwards them. The count does not depend on the statistics of the layer.
 */

typedef void *mmap_fn(void *, size_t, int, int, int, off_t);

static _Atomic uint64_t count;

__attribute__((visibility("default"))) void *mmap(
	void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	static _Atomic(mmap_fn *) next;
	mmap_fn *function = atomic_load_explicit(&next, memory_order_relaxed);

	if (!function) {
		/* ISO C does not convert an object pointer to a function pointer; POSIX does. */
		*(void **)&function = dlsym(RTLD_NEXT, "mmap");
		if (!function) {
			abort();
		}
		atomic_store_explicit(&next, function, memory_order_relaxed);
	}
	if (flags & MAP_FIXED) {
		atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
	}
	return function(address, size, protection, flags, fd, offset);
}

uint64_t remap_count(void)
{
	return atomic_load_explicit(&count, memory_order_relaxed);
}
