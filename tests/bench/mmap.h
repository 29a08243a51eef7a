/* SPDX-License-Identifier: MIT */
#ifndef VMB_BENCH_MMAP_H
#define VMB_BENCH_MMAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The program interposes mmap() for all libraries of the process. It counts the layer's calls
 * independently, and can skip them. Both concern only calls with MAP_FIXED, which binds consist of.
 */

extern _Atomic uint64_t bench_mmap_calls;
/* If true, calls return success without a system call. A bind then costs the layer's own time. */
extern atomic_bool bench_mmap_dry;

#endif
