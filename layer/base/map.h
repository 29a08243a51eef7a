/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_MAP_H
#define VMB_BASE_MAP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A hash table from a number, such as a Vulkan handle, a loader dispatch pointer or a GEM handle,
 * to an object of the layer.
 *
 * vmb_map_find() takes no lock and never waits for another reader, because every call that the
 * layer wraps looks up an object. Inserting and removing lock the table. Any thread may call any
 * function except vmb_map_init() and vmb_map_finish(). The table owns neither keys nor values.
 */

struct vmb_map_table;

/* All members are private to map.c. */
struct vmb_map {
	/* Guards every change. */
	pthread_mutex_t write_lock;
	/* Odd during a change. A reader starts again if the version has changed. */
	atomic_uint version;
	_Atomic(struct vmb_map_table *) table; /* NULL before the first insertion */
	size_t count;
};

/* For a map of static storage. Such a map needs no vmb_map_init(). */
#define VMB_MAP_INITIALIZER \
	{ \
		.write_lock = PTHREAD_MUTEX_INITIALIZER \
	}

void vmb_map_init(struct vmb_map *map);
/* Frees the table. No other thread may use the map any more. Accepts a finished map. */
void vmb_map_finish(struct vmb_map *map);
/* Frees the table of a map of static storage if the map is empty. For destructors: at exit() other
 * threads may still use the entries. The map can be used again. */
void vmb_map_finish_empty(struct vmb_map *map);

/* Adds the key, or replaces the value of a key that is in the map. Neither key nor value may be 0.
 * Returns 0 or -ENOMEM. */
int vmb_map_insert(struct vmb_map *map, uint64_t key, void *value);
/* Gives the value of a key that is in the map another key, which may be in the map too. Needs no
 * memory. */
void vmb_map_change_key(struct vmb_map *map, uint64_t from, uint64_t to);
/* The value of the key, or NULL. */
void *vmb_map_find(struct vmb_map *map, uint64_t key);
/* Removes the key. Returns its value, or NULL if the key is not in the map. */
void *vmb_map_remove(struct vmb_map *map, uint64_t key);
/* For data of the caller that the table's lock also guards. */
void vmb_map_lock(struct vmb_map *map);
void vmb_map_unlock(struct vmb_map *map);
/* Removes any one key. Returns its value, or NULL if the map is empty. */
void *vmb_map_pop(struct vmb_map *map);

#endif
