/* SPDX-License-Identifier: MIT */
#ifndef VMB_BENCH_SECTIONS_H
#define VMB_BENCH_SECTIONS_H

#include "subject.h"

/* Each prints its tables and says which targets were met. */

/* The layer provides sparse resources, against the mmap calls that this takes. */
void bench_sparse_against_mmap(void);
/* The layer provides sparse resources, against the driver's own on the same work. */
void bench_sparse_against_driver(void);
/* What becomes of pages before any system call. */
void bench_plan_cost(void);
/* What the tap adds to ioctls that do not concern the layer. */
void bench_foreign_ioctls(void);
/* Calls that have nothing to do with sparse resources, on a device where the layer provides
 * them. */
void bench_calls_provide(void);
/* Calls on the native route. */
void bench_calls_native(void);

#endif
