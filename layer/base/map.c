/* SPDX-License-Identifier: MIT */
#include "base/map.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

/*
 * Open addressing with linear probing, at most half full. Removal shifts the entries that follow
 * back into the empty slot: applications create and destroy objects all the time, and tombstones
 * would accumulate.
 *
 * A reader may run while a writer shifts entries. All words are atomic, so the reader sees no torn
 * value. The reader may miss an entry or pair a key with the wrong value; it then finds a new
 * version and starts again.
 *
 * An outgrown table stays allocated until the map is finished, because a reader may still use it.
 * Each table has half the size of its successor, so all outgrown tables together are smaller than
 * the live one.
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

/* The index at which the search for a key starts. */
static size_t home_index(const struct vmb_map_table *table, uint64_t key)
{
	/* Handles are mostly pointers with low zero bits. Knuth's constant spreads the keys. */
	return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & table->mask;
}

/* The slot of a key, or the empty slot where the key belongs. */
static struct slot *find_slot(struct vmb_map_table *table, uint64_t key)
{
	size_t at = home_index(table, key);

	for (size_t i = 0; i <= table->mask; i++, at = (at + 1) & table->mask) {
		uint64_t found = atomic_load_explicit(&table->slots[at].key, memory_order_acquire);
		if (found == key || found == 0) {
			return &table->slots[at];
		}
	}
	/* Only a reader that races with a writer gets here. The new version discards its result. */
	return &table->slots[home_index(table, key)];
}

static void slot_store(struct slot *slot, uint64_t key, void *value)
{
	atomic_store_explicit(&slot->value, value, memory_order_release);
	atomic_store_explicit(&slot->key, key, memory_order_release);
}

/* Only the holder of write_lock changes the version, so a store is enough. */
static void begin_change(struct vmb_map *map)
{
	unsigned version = atomic_load_explicit(&map->version, memory_order_relaxed);

	/* The stores that follow are releases: no reader sees one of them before this one. */
	atomic_store_explicit(&map->version, version + 1, memory_order_relaxed);
}

static void end_change(struct vmb_map *map)
{
	unsigned version = atomic_load_explicit(&map->version, memory_order_relaxed);

	atomic_store_explicit(&map->version, version + 1, memory_order_release);
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
			slot_store(find_slot(table, key), key,
				atomic_load_explicit(&old->slots[i].value, memory_order_relaxed));
		}
	}
	/* The old table does not change, so its readers need not start again. */
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

void vmb_map_lock(struct vmb_map *map)
{
	pthread_mutex_lock(&map->write_lock);
}

void vmb_map_unlock(struct vmb_map *map)
{
	pthread_mutex_unlock(&map->write_lock);
}

/* The table has room for the key. */
static void insert_locked(
	struct vmb_map *map, struct vmb_map_table *table, uint64_t key, void *value)
{
	struct slot *slot = find_slot(table, key);
	bool known = atomic_load_explicit(&slot->key, memory_order_relaxed) == key;

	begin_change(map);
	slot_store(slot, key, value);
	end_change(map);
	if (!known) {
		map->count++;
	}
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
	insert_locked(map, table, key, value);
out:
	pthread_mutex_unlock(&map->write_lock);
	return ret;
}

/* Repeats the search until no writer changes the table during it. */
static __attribute__((noinline)) void *find_slowly(struct vmb_map *map, uint64_t key)
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
			struct slot *slot = find_slot(table, key);
			if (atomic_load_explicit(&slot->key, memory_order_acquire) == key) {
				value = atomic_load_explicit(&slot->value, memory_order_acquire);
			}
		}
		if (atomic_load_explicit(&map->version, memory_order_relaxed) == version) {
			return value;
		}
	}
}

/* Nearly all searches end at the first slot, which holds the key or is empty. */
void *vmb_map_find(struct vmb_map *map, uint64_t key)
{
	unsigned version = atomic_load_explicit(&map->version, memory_order_acquire);
	struct vmb_map_table *table = live_table(map);

	if (!table) {
		return NULL;
	}
	struct slot *slot = &table->slots[home_index(table, key)];
	uint64_t found = atomic_load_explicit(&slot->key, memory_order_acquire);
	void *value = atomic_load_explicit(&slot->value, memory_order_acquire);
	bool unchanged = !(version & 1) &&
		atomic_load_explicit(&map->version, memory_order_relaxed) == version;
	if (unchanged && (found == key || found == 0)) {
		return found ? value : NULL;
	}
	return find_slowly(map, key);
}

/* Empties a slot. Moves each entry back that a search from its home index would no longer reach. */
static void empty_slot(struct vmb_map_table *table, size_t empty)
{
	size_t at = empty;

	for (;;) {
		at = (at + 1) & table->mask;
		uint64_t key = atomic_load_explicit(&table->slots[at].key, memory_order_relaxed);
		if (!key) {
			break;
		}
		size_t from_home = (at - home_index(table, key)) & table->mask;
		size_t from_empty = (at - empty) & table->mask;
		if (from_home >= from_empty) {
			slot_store(&table->slots[empty], key,
				atomic_load_explicit(
					&table->slots[at].value, memory_order_relaxed));
			empty = at;
		}
	}
	slot_store(&table->slots[empty], 0, NULL);
}

static void *remove_slot(struct vmb_map *map, struct vmb_map_table *table, struct slot *slot)
{
	void *value = atomic_load_explicit(&slot->value, memory_order_relaxed);

	begin_change(map);
	empty_slot(table, (size_t)(slot - table->slots));
	end_change(map);
	map->count--;
	return value;
}

static void *remove_locked(struct vmb_map *map, uint64_t key)
{
	struct vmb_map_table *table = live_table(map);

	if (table) {
		struct slot *slot = find_slot(table, key);
		if (atomic_load_explicit(&slot->key, memory_order_relaxed) == key) {
			return remove_slot(map, table, slot);
		}
	}
	return NULL;
}

void *vmb_map_remove(struct vmb_map *map, uint64_t key)
{
	/* Few of the objects that the application destroys are sparse: most keys are not in the
	 * map. The lock-free look-up keeps those calls cheap. */
	if (!vmb_map_find(map, key)) {
		return NULL;
	}
	vmb_map_lock(map);
	void *value = remove_locked(map, key);
	vmb_map_unlock(map);
	return value;
}

void vmb_map_change_key(struct vmb_map *map, uint64_t from, uint64_t to)
{
	vmb_map_lock(map);
	void *value = remove_locked(map, from);
	insert_locked(map, live_table(map), to, value);
	vmb_map_unlock(map);
}

void *vmb_map_pop(struct vmb_map *map)
{
	void *value = NULL;

	pthread_mutex_lock(&map->write_lock);
	struct vmb_map_table *table = live_table(map);
	for (size_t i = 0; table && map->count && i <= table->mask; i++) {
		struct slot *slot = &table->slots[i];
		if (atomic_load_explicit(&slot->key, memory_order_relaxed)) {
			value = remove_slot(map, table, slot);
			break;
		}
	}
	pthread_mutex_unlock(&map->write_lock);
	return value;
}
