/* SPDX-License-Identifier: MIT */
#include "backend/host/backing_cache.h"

#include <string.h>

static struct vmb_backing_cache_entry **bucket_of(struct vmb_backing_cache *cache, uint64_t size)
{
	/* Large sizes are often multiples of many pages, so the higher bits go into the hash. */
	uint64_t pages = size >> 12;

	return &cache->buckets[(pages ^ pages >> 8) % VMB_CACHE_BUCKETS];
}

static void add_to_bucket(struct vmb_backing_cache *cache, struct vmb_backing_cache_entry *entry)
{
	struct vmb_backing_cache_entry **bucket = bucket_of(cache, entry->backing.size);

	entry->bucket_link = bucket;
	entry->bucket_next = *bucket;
	if (*bucket) {
		(*bucket)->bucket_link = &entry->bucket_next;
	}
	*bucket = entry;
}

static void remove_from_bucket(struct vmb_backing_cache_entry *entry)
{
	*entry->bucket_link = entry->bucket_next;
	if (entry->bucket_next) {
		entry->bucket_next->bucket_link = entry->bucket_link;
	}
}

static void add_by_age(struct vmb_backing_cache *cache, struct vmb_backing_cache_entry *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	if (cache->newest) {
		cache->newest->newer = entry;
	} else {
		cache->oldest = entry;
	}
	cache->newest = entry;
}

static void remove_by_age(struct vmb_backing_cache *cache, struct vmb_backing_cache_entry *entry)
{
	if (entry->newer) {
		entry->newer->older = entry->older;
	} else {
		cache->newest = entry->older;
	}
	if (entry->older) {
		entry->older->newer = entry->newer;
	} else {
		cache->oldest = entry->newer;
	}
}

static void discard(struct vmb_backing_cache *cache, struct vmb_backing_cache_entry *entry)
{
	entry->older = cache->unused;
	cache->unused = entry;
}

static void take_entry(struct vmb_backing_cache *cache, struct vmb_backing_cache_entry *entry,
	struct vmb_backing *backing)
{
	*backing = entry->backing;
	cache->count--;
	cache->bytes -= entry->backing.size;
	remove_from_bucket(entry);
	remove_by_age(cache, entry);
	discard(cache, entry);
}

void vmb_backing_cache_clear(struct vmb_backing_cache *cache)
{
	memset(cache, 0, sizeof(*cache));
	for (size_t i = VMB_CACHE_ENTRIES; i-- > 0;) {
		discard(cache, &cache->entries[i]);
	}
}

bool vmb_backing_cache_take(
	struct vmb_backing_cache *cache, uint64_t size, struct vmb_backing *backing)
{
	struct vmb_backing_cache_entry *entry = *bucket_of(cache, size);
	while (entry && entry->backing.size != size) {
		entry = entry->bucket_next;
	}
	if (entry) {
		take_entry(cache, entry, backing);
	}
	return entry != NULL;
}

bool vmb_backing_cache_put(struct vmb_backing_cache *cache, const struct vmb_backing *backing)
{
	struct vmb_backing_cache_entry *entry = cache->unused;
	if (entry && cache->bytes + backing->size > VMB_CACHE_BYTES) {
		entry = NULL;
	}
	if (entry) {
		cache->unused = entry->older;
		entry->backing = *backing;
		cache->count++;
		cache->bytes += backing->size;
		add_to_bucket(cache, entry);
		add_by_age(cache, entry);
	}
	return entry != NULL;
}

bool vmb_backing_cache_evict(struct vmb_backing_cache *cache, struct vmb_backing *backing)
{
	struct vmb_backing_cache_entry *entry = cache->oldest;
	if (entry) {
		take_entry(cache, entry, backing);
	}
	return entry != NULL;
}
