/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "mmap.h"

#include <dlfcn.h>
#include <sys/mman.h>

_Atomic uint64_t bench_mmap_calls;
atomic_bool bench_mmap_dry;

typedef void *mmap_fn(void *, size_t, int, int, int, off_t);

/* Looks the function up on first use, which may be before main(). */
static mmap_fn *real_mmap(void)
{
	static _Atomic(mmap_fn *) found;
	mmap_fn *next = atomic_load_explicit(&found, memory_order_relaxed);

	if (!next) {
		next = (mmap_fn *)(uintptr_t)dlsym(RTLD_NEXT, "mmap");
		atomic_store_explicit(&found, next, memory_order_relaxed);
	}
	return next;
}

__attribute__((visibility("default"))) void *mmap(
	void *address, size_t size, int protection, int flags, int file, off_t offset)
{
	if (flags & MAP_FIXED) {
		atomic_fetch_add_explicit(&bench_mmap_calls, 1, memory_order_relaxed);
		if (atomic_load_explicit(&bench_mmap_dry, memory_order_relaxed)) {
			return address;
		}
	}
	return real_mmap()(address, size, protection, flags, file, offset);
}
