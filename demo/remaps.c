/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "measure.h"

/*
 * On a CPU driver a bind is one mmap() with MAP_FIXED. A program's own functions come before those
 * of the libraries it loads, so that this mmap() is the one that driver and layer call: it counts,
 * and hands on. That makes the count independent of what the layer says of itself.
 */

typedef void *mmap_fn(void *, size_t, int, int, int, off_t);

static _Atomic uint64_t count;

__attribute__((visibility("default"))) void *mmap(
	void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	static _Atomic(mmap_fn *) next;
	mmap_fn *function = atomic_load_explicit(&next, memory_order_relaxed);

	if (!function) {
		/* ISO C has no conversion from an object pointer; POSIX says that it works. */
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

uint64_t remaps(void)
{
	return atomic_load_explicit(&count, memory_order_relaxed);
}
