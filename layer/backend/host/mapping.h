/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_HOST_MAPPING_H
#define VMB_BACKEND_HOST_MAPPING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Mappings of the process. Sizes are in bytes and multiples of a page. Errors are negative errno
 * values. Any thread may call the functions. */

/* Whether new mappings are populated and locked at once: mlockall(MCL_FUTURE) is in force. */
bool vmb_memory_is_locked(void);
/* Whether the kernel commits memory for every private writable page, as with
 * vm.overcommit_memory=2. A write to a page of a memfd then raises SIGBUS if the limit is reached,
 * unless fallocate(2) has allocated the page before. */
bool vmb_memory_is_committed(void);

/* Returns the largest range that the process can reserve now; 0 if none. Maps and unmaps ranges to
 * find out. */
uint64_t vmb_host_address_space(void);

/*
 * Maps unbound memory: anonymous, readable and writable. The memory reads as zero, takes no memory
 * before a write, is not locked, and stays out of core dumps. The alignment of the start is a power
 * of two. -ENOMEM if no such range is free, or the kernel refuses to commit the memory.
 */
int vmb_map_unbound(size_t size, size_t alignment, char **map);
/*
 * Maps unbound memory over the range at at. On failure the range is unchanged. careful: memory is
 * locked or committed. mmap(2) would then populate the range, and kernels before 6.12 unmap the
 * range before they refuse the commitment. The new memory is then shared with child processes, and
 * stays committed until all of it is unmapped.
 */
int vmb_map_unbound_at(void *at, size_t size, bool careful);

/*
 * Mappings that are kept in reserve. A process has vm.max_map_count mappings. Without the reserve,
 * binds and allocations could use up all of them, and then malloc() and pthread_create() of the
 * application would fail.
 */
struct vmb_spare_mappings {
	pthread_mutex_t lock;
	_Atomic(void *) map; /* NULL while the mappings are given back */
};

void vmb_spare_mappings_init(struct vmb_spare_mappings *spare);
void vmb_spare_mappings_finish(struct vmb_spare_mappings *spare);
/* Takes the mappings unless the reserve has them. -ENOMEM if the process has too few. Call before a
 * function that uses mappings. */
int vmb_spare_mappings_take(struct vmb_spare_mappings *spare);
/*
 * A smaller reserve, for an unbind after vmb_spare_mappings_take() failed: the unbind may be what
 * frees mappings. NULL if the process has too few mappings even for this.
 */
void *vmb_few_mappings_take(void);
/* Accepts NULL. */
void vmb_few_mappings_give_back(void *few);
/* Gives the mappings back to the process if error is -ENOMEM. Returns error. */
int vmb_spare_mappings_check(struct vmb_spare_mappings *spare, int error);

#endif
