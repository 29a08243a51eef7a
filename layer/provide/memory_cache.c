/* SPDX-License-Identifier: MIT */
#include "provide/memory_cache.h"

static struct vmb_cached_memory **bucket_of(struct vmb_memory_cache *cache, uint64_t size)
{
	/* Large sizes are often multiples of many pages, so the higher bits go into the hash. */
	uint64_t pages = size >> 12;

	return &cache->buckets[(pages ^ pages >> 8) % VMB_CACHE_BUCKETS];
}

static void add_to_bucket(struct vmb_memory_cache *cache, struct vmb_cached_memory *memory)
{
	struct vmb_cached_memory **bucket = bucket_of(cache, memory->size);

	memory->link = bucket;
	memory->next = *bucket;
	if (*bucket) {
		(*bucket)->link = &memory->next;
	}
	*bucket = memory;
}

static void remove_from_bucket(struct vmb_cached_memory *memory)
{
	*memory->link = memory->next;
	if (memory->next) {
		memory->next->link = memory->link;
	}
}

static void add_by_age(struct vmb_memory_cache *cache, struct vmb_cached_memory *memory)
{
	memory->newer = NULL;
	memory->older = cache->newest;
	if (cache->newest) {
		cache->newest->newer = memory;
	} else {
		cache->oldest = memory;
	}
	cache->newest = memory;
}

static void remove_by_age(struct vmb_memory_cache *cache, struct vmb_cached_memory *memory)
{
	if (memory->newer) {
		memory->newer->older = memory->older;
	} else {
		cache->newest = memory->older;
	}
	if (memory->older) {
		memory->older->newer = memory->newer;
	} else {
		cache->oldest = memory->newer;
	}
}

static void remove_memory(struct vmb_memory_cache *cache, struct vmb_cached_memory *memory)
{
	cache->count--;
	cache->bytes -= memory->size;
	remove_from_bucket(memory);
	remove_by_age(cache, memory);
}

struct vmb_cached_memory *vmb_memory_cache_take(struct vmb_memory_cache *cache, uint64_t size)
{
	struct vmb_cached_memory *memory = *bucket_of(cache, size);

	while (memory && memory->size != size) {
		memory = memory->next;
	}
	if (memory) {
		remove_memory(cache, memory);
	}
	return memory;
}

bool vmb_memory_cache_put(struct vmb_memory_cache *cache, struct vmb_cached_memory *memory)
{
	if (cache->count == VMB_CACHE_ENTRIES || cache->bytes + memory->size > VMB_CACHE_BYTES) {
		return false;
	}
	cache->count++;
	cache->bytes += memory->size;
	add_to_bucket(cache, memory);
	add_by_age(cache, memory);
	return true;
}

struct vmb_cached_memory *vmb_memory_cache_evict(struct vmb_memory_cache *cache)
{
	struct vmb_cached_memory *memory = cache->oldest;

	if (memory) {
		remove_memory(cache, memory);
	}
	return memory;
}
