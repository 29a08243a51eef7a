/* SPDX-License-Identifier: MIT */
#ifndef VMB_DEMO_TOUR_H
#define VMB_DEMO_TOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "work_queue.h"

struct tour_result {
	bool complete; /* all checks passed */
	uint64_t calls, binds; /* of vkQueueBindSparse */
	uint64_t remaps; /* mmap() calls with MAP_FIXED during the tour */
	uint64_t peak_memory; /* bytes above the memory before the first sparse buffer */
	double seconds;
};

/* Ends the program if a check fails. Prints each step if verbose. */
void tour(enum bind_mode mode, bool verbose, struct tour_result *result);

#endif
