/* SPDX-License-Identifier: MIT */
#ifndef VMB_DEMO_MEASURE_H
#define VMB_DEMO_MEASURE_H

#include <stdint.h>

/* Figures from the operating system. The layer has no influence on them. */

/* The memory of the machine, in bytes. */
uint64_t machine_memory(void);
/* The memory of this process, in bytes: its own pages, each counted once, and its page tables. */
uint64_t process_memory(void);
/* The number of mmap() calls with MAP_FIXED in this process. */
uint64_t remap_count(void);
double monotonic_seconds(void);

#endif
