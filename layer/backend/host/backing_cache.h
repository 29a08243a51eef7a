/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_HOST_BACKING_CACHE_H
#define VMB_BACKEND_HOST_BACKING_CACHE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/vm.h"

/*
 * Memory that was freed and is kept for the next allocation of the same size, so that allocating
 * and freeing in turn costs no system call and no page fault, as it costs none with malloc(). The
 * limits are malloc()'s, too, but for the number: each entry is a mapping of the process. Any
 * thread may use a cache at any time.
 */
#define VMB_CACHE_ENTRIES 1024
#define VMB_CACHE_ENTRY_BYTES (UINT64_C(32) << 20)
#define VMB_CACHE_BYTES (UINT64_C(64) << 20)
#define VMB_CACHE_BUCKETS 256

struct vmb_backing_cache_entry {
	struct vmb_backing backing;
	/* Entries of one bucket, newest first. */
	struct vmb_backing_cache_entry *bucket_next;
	struct vmb_backing_cache_entry **bucket_link; /* what points here */
	/* All entries by age, or the unused ones by older alone. */
	struct vmb_backing_cache_entry *older;
	struct vmb_backing_cache_entry *newer;
};

struct vmb_backing_cache {
	/* Guards the rest; leaf lock. */
	pthread_mutex_t lock;
	size_t count;
	uint64_t bytes;
	struct vmb_backing_cache_entry *newest;
	struct vmb_backing_cache_entry *oldest;
	struct vmb_backing_cache_entry *unused;
	/* By size. */
	struct vmb_backing_cache_entry *buckets[VMB_CACHE_BUCKETS];
	struct vmb_backing_cache_entry entries[VMB_CACHE_ENTRIES];
};

void vmb_backing_cache_init(struct vmb_backing_cache *cache);
/* The cache must have been emptied. */
void vmb_backing_cache_finish(struct vmb_backing_cache *cache);

/* Takes memory of that size out, the one freed last; false if there is none. */
bool vmb_backing_cache_take(
	struct vmb_backing_cache *cache, uint64_t size, struct vmb_backing *backing);
/* Takes memory in; false if there is no room for it: evict something and try again. Must not be
 * larger than VMB_CACHE_ENTRY_BYTES. */
bool vmb_backing_cache_put(struct vmb_backing_cache *cache, const struct vmb_backing *backing);
/* Takes out what has been there longest; false if the cache is empty. */
bool vmb_backing_cache_evict(struct vmb_backing_cache *cache, struct vmb_backing *backing);

#endif
