/* SPDX-License-Identifier: MIT */
#ifndef VMB_BENCH_SECTIONS_H
#define VMB_BENCH_SECTIONS_H

#include "subject.h"

/* Each section prints its tables, with the targets that were met. */

/* The provide route against the same mmap calls made directly. */
void bench_sparse_against_mmap(void);
/* The provide route against the driver's own sparse resources. */
void bench_sparse_against_driver(void);
/* Binds behind other work of their queue. */
void bench_order(void);
/* The plan and the residency map, without system calls. */
void bench_plan_cost(void);
/* The hook's time in ioctls that the layer passes on. */
void bench_foreign_ioctls(void);
/* Calls without sparse resources, on the provide route. */
void bench_calls_provide(void);
void bench_calls_native(void);
/* Joined binds on the native route. */
void bench_merge(void);

#endif
