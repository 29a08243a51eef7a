/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_MAP_H
#define VMB_BASE_MAP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A table from a Vulkan handle (or a loader dispatch pointer) to the object that we keep for it.
 *
 * Looking up takes no lock and never waits for another reader, since it stands on the path of
 * every call that the layer wraps; inserting and removing lock the table. Any thread may call any
 * function at any time, except for init and finish. The table owns neither keys nor values.
 */

struct vmb_map_table;

struct vmb_map {
	/* Guards every change; leaf lock, nothing is taken under it. */
	pthread_mutex_t write_lock;
	/* Odd while the table is being changed: readers start again if it moved. */
	atomic_uint version;
	_Atomic(struct vmb_map_table *) table;
	size_t count;
};

/* For a map of static storage, which needs no vmb_map_init(). */
#define VMB_MAP_INITIALIZER \
	{ \
		.write_lock = PTHREAD_MUTEX_INITIALIZER \
	}

void vmb_map_init(struct vmb_map *map);
/* Frees the table; no reader may be left. Accepts a map that was finished already. */
void vmb_map_finish(struct vmb_map *map);
/* Frees the table of a map of static storage if nothing is in it, for destructors: at exit() other
 * threads may be using what is there. It can be used again. */
void vmb_map_finish_empty(struct vmb_map *map);

/* Neither key nor value may be 0; a key that is there already gets the new value. -ENOMEM. */
int vmb_map_insert(struct vmb_map *map, uint64_t key, void *value);
/* NULL if the key is not there. */
void *vmb_map_find(struct vmb_map *map, uint64_t key);
/* Takes the key out and returns its value, NULL if it is not there. */
void *vmb_map_remove(struct vmb_map *map, uint64_t key);
/* Takes any one key out and returns its value; NULL once the map is empty. */
void *vmb_map_pop(struct vmb_map *map);

#endif
