/* SPDX-License-Identifier: MIT */
#ifndef VMB_DEMO_TOUR_H
#define VMB_DEMO_TOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "work_queue.h"

/* What a tour leaves behind. */
struct tour_result {
	bool complete; /* all was as promised */
	uint64_t calls, binds; /* of vkQueueBindSparse, asked for in them */
	uint64_t remaps; /* see measure.h */
	uint64_t memory; /* the most used beyond what was used before the first page */
	double seconds;
};

/* Ends the program where anything is not as promised; prints what it does if verbose. */
void tour(enum way way, bool verbose, struct tour_result *result);

#endif
