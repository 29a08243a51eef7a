/* SPDX-License-Identifier: MIT */
#ifndef VMB_DEMO_MEASURE_H
#define VMB_DEMO_MEASURE_H

#include <stdint.h>

/* What the operating system says; the layer is not asked. */

/* Of the machine, in bytes. */
uint64_t memory_of_machine(void);
/* Of this process, in bytes: its own pages, each once, and the page tables. */
uint64_t memory_used(void);
/* How often this process has mapped something at an address that it gave (MAP_FIXED). */
uint64_t remaps(void);
double seconds(void);

#endif
