/* SPDX-License-Identifier: MIT */
#include "base/map.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

/*
 * Open addressing with linear probing, at most half full. Removal shifts the followers of the hole
 * back, so that no tombstones pile up when objects come and go all the time.
 *
 * A reader may look while a writer shifts entries about. All words are atomic, so it sees no torn
 * value, but it may miss an entry or pair a key with the wrong value; it then finds that version
 * has moved and starts again. Tables that were outgrown stay allocated until the map is finished,
 * because a reader may still be in one; each is half the size of its successor, so that together
 * they are smaller than the live one.
 */

struct slot {
	_Atomic uint64_t key; /* 0 if empty */
	_Atomic(void *) value;
};

struct vmb_map_table {
	struct vmb_map_table *outgrown;
	size_t mask;
	struct slot slots[];
};

#define INITIAL_SLOTS 64

static size_t home(const struct vmb_map_table *table, uint64_t key)
{
	/* Handles are mostly pointers: multiply to spread the low zero bits (Knuth's constant). */
	return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & table->mask;
}

static struct slot *slot_of(struct vmb_map_table *table, uint64_t key)
{
	size_t at = home(table, key);

	for (size_t i = 0; i <= table->mask; i++, at = (at + 1) & table->mask) {
		uint64_t found = atomic_load_explicit(&table->slots[at].key, memory_order_acquire);
		if (found == key || found == 0) {
			return &table->slots[at];
		}
	}
	/* Only a reader that raced with a writer gets here; its result is thrown away. */
	return &table->slots[home(table, key)];
}

static void put(struct slot *slot, uint64_t key, void *value)
{
	atomic_store_explicit(&slot->value, value, memory_order_release);
	atomic_store_explicit(&slot->key, key, memory_order_release);
}

static void begin_change(struct vmb_map *map)
{
	/* The stores that follow are releases, so none of them can be seen before this one. */
	atomic_fetch_add_explicit(&map->version, 1, memory_order_relaxed);
}

static void end_change(struct vmb_map *map)
{
	atomic_fetch_add_explicit(&map->version, 1, memory_order_release);
}

static struct vmb_map_table *live_table(struct vmb_map *map)
{
	return atomic_load_explicit(&map->table, memory_order_acquire);
}

static int grow(struct vmb_map *map)
{
	struct vmb_map_table *old = live_table(map);
	size_t slots = old ? (old->mask + 1) * 2 : INITIAL_SLOTS;

	if (slots > (SIZE_MAX - sizeof(struct vmb_map_table)) / sizeof(struct slot)) {
		return -ENOMEM;
	}
	struct vmb_map_table *table = calloc(1, sizeof(*table) + slots * sizeof(struct slot));
	if (!table) {
		return -ENOMEM;
	}
	table->mask = slots - 1;
	table->outgrown = old;
	for (size_t i = 0; old && i <= old->mask; i++) {
		uint64_t key = atomic_load_explicit(&old->slots[i].key, memory_order_relaxed);
		if (key) {
			put(slot_of(table, key), key,
				atomic_load_explicit(&old->slots[i].value, memory_order_relaxed));
		}
	}
	/* The old table stays as it is, so its readers need not start again. */
	atomic_store_explicit(&map->table, table, memory_order_release);
	return 0;
}

void vmb_map_init(struct vmb_map *map)
{
	pthread_mutex_init(&map->write_lock, NULL);
	atomic_init(&map->version, 0);
	atomic_init(&map->table, NULL);
	map->count = 0;
}

static void free_tables(struct vmb_map *map)
{
	struct vmb_map_table *table = live_table(map);

	atomic_store_explicit(&map->table, NULL, memory_order_relaxed);
	while (table) {
		struct vmb_map_table *outgrown = table->outgrown;
		free(table);
		table = outgrown;
	}
}

void vmb_map_finish(struct vmb_map *map)
{
	free_tables(map);
	map->count = 0;
	pthread_mutex_destroy(&map->write_lock);
}

void vmb_map_finish_empty(struct vmb_map *map)
{
	pthread_mutex_lock(&map->write_lock);
	if (map->count == 0) {
		free_tables(map);
	}
	pthread_mutex_unlock(&map->write_lock);
}

int vmb_map_insert(struct vmb_map *map, uint64_t key, void *value)
{
	int ret = 0;

	pthread_mutex_lock(&map->write_lock);
	struct vmb_map_table *table = live_table(map);
	if (!table || (map->count + 1) * 2 > table->mask + 1) {
		ret = grow(map);
		if (ret < 0) {
			goto out;
		}
		table = live_table(map);
	}
	struct slot *slot = slot_of(table, key);
	bool known = atomic_load_explicit(&slot->key, memory_order_relaxed) == key;
	begin_change(map);
	put(slot, key, value);
	end_change(map);
	if (!known) {
		map->count++;
	}
out:
	pthread_mutex_unlock(&map->write_lock);
	return ret;
}

void *vmb_map_find(struct vmb_map *map, uint64_t key)
{
	for (;;) {
		unsigned version = atomic_load_explicit(&map->version, memory_order_acquire);
		if (version & 1) {
			sched_yield();
			continue;
		}

		void *value = NULL;
		struct vmb_map_table *table = live_table(map);
		if (table) {
			struct slot *slot = slot_of(table, key);
			if (atomic_load_explicit(&slot->key, memory_order_acquire) == key) {
				value = atomic_load_explicit(&slot->value, memory_order_acquire);
			}
		}
		if (atomic_load_explicit(&map->version, memory_order_relaxed) == version) {
			return value;
		}
	}
}

/* Closes the hole at index: entries behind it that it would cut off from their home move up. */
static void close_hole(struct vmb_map_table *table, size_t hole)
{
	size_t at = hole;

	for (;;) {
		at = (at + 1) & table->mask;
		uint64_t key = atomic_load_explicit(&table->slots[at].key, memory_order_relaxed);
		if (!key) {
			break;
		}
		size_t from_home = (at - home(table, key)) & table->mask;
		size_t from_hole = (at - hole) & table->mask;
		if (from_home >= from_hole) {
			put(&table->slots[hole], key,
				atomic_load_explicit(
					&table->slots[at].value, memory_order_relaxed));
			hole = at;
		}
	}
	put(&table->slots[hole], 0, NULL);
}

static void *take(struct vmb_map *map, struct vmb_map_table *table, struct slot *slot)
{
	void *value = atomic_load_explicit(&slot->value, memory_order_relaxed);

	begin_change(map);
	close_hole(table, (size_t)(slot - table->slots));
	end_change(map);
	map->count--;
	return value;
}

void *vmb_map_remove(struct vmb_map *map, uint64_t key)
{
	void *value = NULL;

	/* Mostly it is not there: only few of the objects that are destroyed are sparse. */
	if (!vmb_map_find(map, key)) {
		return NULL;
	}
	pthread_mutex_lock(&map->write_lock);
	struct vmb_map_table *table = live_table(map);
	if (table) {
		struct slot *slot = slot_of(table, key);
		if (atomic_load_explicit(&slot->key, memory_order_relaxed) == key) {
			value = take(map, table, slot);
		}
	}
	pthread_mutex_unlock(&map->write_lock);
	return value;
}

void *vmb_map_pop(struct vmb_map *map)
{
	void *value = NULL;

	pthread_mutex_lock(&map->write_lock);
	struct vmb_map_table *table = live_table(map);
	for (size_t i = 0; table && map->count && i <= table->mask; i++) {
		struct slot *slot = &table->slots[i];
		if (atomic_load_explicit(&slot->key, memory_order_relaxed)) {
			value = take(map, table, slot);
			break;
		}
	}
	pthread_mutex_unlock(&map->write_lock);
	return value;
}
