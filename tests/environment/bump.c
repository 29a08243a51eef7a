/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* reallocarray is not replaced */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/*
 * An allocator for LD_PRELOAD that only counts up: free() does nothing. Each block is preceded by
 * its size.
 */

#define EXPORT __attribute__((visibility("default")))
#define ARENA ((size_t)16 << 30)
#define ALIGNMENT 16

EXPORT void *malloc(size_t size);
EXPORT void free(void *block);
EXPORT void *calloc(size_t count, size_t size);
EXPORT void *realloc(void *block, size_t size);
EXPORT void *memalign(size_t alignment, size_t size);
EXPORT void *aligned_alloc(size_t alignment, size_t size);
EXPORT int posix_memalign(void **block, size_t alignment, size_t size);
EXPORT size_t malloc_usable_size(void *block);

static _Atomic(char *) arena;
static atomic_size_t used;

static char *get_arena(void)
{
	char *found = atomic_load(&arena);

	if (found) {
		return found;
	}
	char *fresh = mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (fresh == MAP_FAILED) {
		return NULL;
	}
	if (!atomic_compare_exchange_strong(&arena, &found, fresh)) {
		munmap(fresh, ARENA);
		return found;
	}
	return fresh;
}

void *memalign(size_t alignment, size_t size)
{
	char *base = get_arena();

	if (alignment < ALIGNMENT) {
		alignment = ALIGNMENT;
	}
	if (!base || size > ARENA / 2 || alignment > ARENA / 4) {
		errno = ENOMEM;
		return NULL;
	}
	const size_t length = (size + 2 * alignment + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	const size_t start = atomic_fetch_add(&used, length);
	if (start > ARENA - length) {
		errno = ENOMEM;
		return NULL;
	}
	const uintptr_t first = (uintptr_t)base + start + ALIGNMENT;
	char *block = (char *)((first + alignment - 1) & ~(uintptr_t)(alignment - 1));
	memcpy(block - sizeof(size), &size, sizeof(size));
	return block;
}

void *malloc(size_t size)
{
	return memalign(ALIGNMENT, size);
}

void free(void *block)
{
	(void)block;
}

size_t malloc_usable_size(void *block)
{
	size_t size = 0;

	if (block) {
		memcpy(&size, (char *)block - sizeof(size), sizeof(size));
	}
	return size;
}

/* The arena is zeroed, and no block is used twice. */
void *calloc(size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	return malloc(count * size);
}

void *realloc(void *block, size_t size)
{
	const size_t old = malloc_usable_size(block);
	void *fresh = malloc(size);

	if (fresh && block) {
		memcpy(fresh, block, old < size ? old : size);
	}
	return fresh;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
	void *fresh = memalign(alignment, size);

	if (fresh) {
		*block = fresh;
	}
	return fresh ? 0 : ENOMEM;
}
