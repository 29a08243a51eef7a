/* SPDX-License-Identifier: MIT */
#ifndef VMB_BENCH_MMAP_H
#define VMB_BENCH_MMAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The program has an mmap() of its own, which all libraries in the process use: so that the calls
 * that the layer makes are counted by somebody else, and so that they can be left out. Only calls
 * with MAP_FIXED are meant, which is what binding is made of.
 */

extern _Atomic uint64_t bench_mmap_calls;
/* Do nothing and say that it was done: what is left of a bind is the layer's own cost. */
extern atomic_bool bench_mmap_dry;

#endif
