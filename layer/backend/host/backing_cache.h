/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_HOST_BACKING_CACHE_H
#define VMB_BACKEND_HOST_BACKING_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/vm.h"

/*
 * The cache keeps freed memory for the next allocation of the same size. An application that
 * allocates and frees in turn then causes no system call and no page fault. The limits in bytes are
 * those of glibc's malloc(). The caller holds a lock.
 */
#define VMB_CACHE_ENTRIES 1024
#define VMB_CACHE_ENTRY_BYTES (UINT64_C(32) << 20)
#define VMB_CACHE_BYTES (UINT64_C(64) << 20)
#define VMB_CACHE_BUCKETS 256

struct vmb_backing_cache_entry {
	struct vmb_backing backing;
	/* Entries of one bucket, newest first. */
	struct vmb_backing_cache_entry *bucket_next;
	struct vmb_backing_cache_entry **bucket_link; /* the pointer to this entry */
	/* The list of all used entries by age. Unused entries are linked by older only. */
	struct vmb_backing_cache_entry *older;
	struct vmb_backing_cache_entry *newer;
};

struct vmb_backing_cache {
	size_t count;
	uint64_t bytes;
	struct vmb_backing_cache_entry *newest;
	struct vmb_backing_cache_entry *oldest;
	struct vmb_backing_cache_entry *unused;
	/* Used entries by a hash of the size. */
	struct vmb_backing_cache_entry *buckets[VMB_CACHE_BUCKETS];
	struct vmb_backing_cache_entry entries[VMB_CACHE_ENTRIES];
};

/* Empties the cache without freeing the memory, also a new cache. */
void vmb_backing_cache_clear(struct vmb_backing_cache *cache);

/* Takes the last freed memory of exactly this size out of the cache. False if there is none. */
bool vmb_backing_cache_take(
	struct vmb_backing_cache *cache, uint64_t size, struct vmb_backing *backing);
/* Puts memory of at most VMB_CACHE_ENTRY_BYTES into the cache. False if the cache is full: the
 * caller evicts an entry and calls again. */
bool vmb_backing_cache_put(struct vmb_backing_cache *cache, const struct vmb_backing *backing);
/* Takes the oldest memory out of the cache; the caller frees it. False if the cache is empty. */
bool vmb_backing_cache_evict(struct vmb_backing_cache *cache, struct vmb_backing *backing);

#endif
