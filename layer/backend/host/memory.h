/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_HOST_MEMORY_H
#define VMB_BACKEND_HOST_MEMORY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/host/fork.h"
#include "backend/vm.h"

/*
 * The memory of a host VM: ranges of memfds.
 *
 * One memfd holds all memory, because a process can open only some hundred files. The VM takes
 * offsets from the end down and never reuses an offset, because a resource may still map a freed
 * range. A freed range is punched out. Under RLIMIT_FSIZE a memfd is short. If a memfd is full, the
 * VM opens another one. A full memfd is closed when its memory is freed.
 *
 * The application and the driver access the memory through mappings of ranges of memfds. Small
 * backings share a mapping, because a process has a limited number of mappings. A large backing has
 * a mapping of its own.
 *
 * After fork() the mappings of the child are private: nothing that the child does changes the
 * memory of the parent. Until the child writes to a page, it sees what the parent writes there. The
 * driver's own memory differs in this: the child sees it as it was at fork(). Sparse resources of
 * the child still map the parent's memory, but no thread of the child's driver uses them.
 *
 * All functions but init and finish may be called from any thread. Errors are negative errno
 * values.
 */

#define VMB_HOST_FILES 64

struct vmb_host_mapping;

struct vmb_host_file {
	/* The backings' id: the slot, and a number that differs from the slot's earlier files. 0 if
	 * no file is open. */
	_Atomic uint32_t id;
	atomic_int fd;
	/* The memfd was opened before fork(), and this is the child: the parent owns the memory. */
	atomic_bool is_parents;
	uint64_t unused; /* bytes at the file's start that no mapping has used */
	size_t mappings;
};

struct vmb_host_memory {
	struct vmb_fork_watch fork_watch;
	/* Guards the members below, except the atomic members of files. A leaf. */
	pthread_mutex_t lock;
	uint64_t granularity;
	/* The VM's counter of system calls. */
	_Atomic uint64_t *system_calls;
	bool is_committed; /* vmb_memory_is_committed() */
	struct vmb_host_file files[VMB_HOST_FILES];
	uint32_t files_opened;
	struct vmb_host_file *file; /* of the next mapping; NULL if none is open */
	struct vmb_host_mapping *mappings; /* all */
	struct vmb_host_mapping *shared; /* the mapping of the next small backings, or NULL */
};

/* Opens a memfd. -EFBIG: RLIMIT_FSIZE is below the granularity. Any errno of memfd_create(2). */
int vmb_host_memory_init(
	struct vmb_host_memory *memory, uint64_t granularity, _Atomic uint64_t *system_calls);
/* Frees all memory. */
void vmb_host_memory_finish(struct vmb_host_memory *memory);

/* Allocates size bytes, a multiple of the granularity. The memory reads as zero. */
int vmb_host_memory_create(
	struct vmb_host_memory *memory, uint64_t size, struct vmb_backing *backing);
void vmb_host_memory_destroy(struct vmb_host_memory *memory, const struct vmb_backing *backing);

/* Maps a range of the backing with this id over the range at at. -EBADF if the backing's file is
 * closed. */
int vmb_host_memory_map_at(
	struct vmb_host_memory *memory, void *at, size_t size, uint32_t id, uint64_t offset);

#endif
