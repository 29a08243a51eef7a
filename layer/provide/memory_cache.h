/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_MEMORY_CACHE_H
#define VMB_PROVIDE_MEMORY_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The cache keeps freed memory for the next allocation of the same size. An application that
 * allocates and frees in turn then causes no system call and no page fault. The limits in bytes are
 * those of glibc's malloc(). Callers hold a lock of their own.
 */
#define VMB_CACHE_ENTRIES 1024
#define VMB_CACHE_ENTRY_BYTES (UINT64_C(32) << 20)
#define VMB_CACHE_BYTES (UINT64_C(64) << 20)
#define VMB_CACHE_BUCKETS 256

/* The part of freed memory that the cache uses. */
struct vmb_cached_memory {
	uint64_t size; /* bytes */
	struct vmb_cached_memory *next; /* in the bucket */
	struct vmb_cached_memory **link; /* the pointer to this memory in the bucket */
	struct vmb_cached_memory *older;
	struct vmb_cached_memory *newer;
};

struct vmb_memory_cache {
	size_t count;
	uint64_t bytes;
	struct vmb_cached_memory *newest;
	struct vmb_cached_memory *oldest;
	/* By a hash of the size, newest first. */
	struct vmb_cached_memory *buckets[VMB_CACHE_BUCKETS];
};

/* Takes the last freed memory of exactly this size out of the cache. NULL if there is none. */
struct vmb_cached_memory *vmb_memory_cache_take(struct vmb_memory_cache *cache, uint64_t size);
/* Puts memory of at most VMB_CACHE_ENTRY_BYTES into the cache. False if the cache is full: the
 * caller evicts memory and calls again. */
bool vmb_memory_cache_put(struct vmb_memory_cache *cache, struct vmb_cached_memory *memory);
/* Takes the oldest memory out of the cache. NULL if the cache is empty. */
struct vmb_cached_memory *vmb_memory_cache_evict(struct vmb_memory_cache *cache);

#endif
