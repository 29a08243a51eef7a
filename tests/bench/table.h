/* SPDX-License-Identifier: MIT */
#ifndef VMB_BENCH_TABLE_H
#define VMB_BENCH_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "measure.h"

/* A Markdown table. The first column is aligned left, the others right. */

#define BENCH_TABLE_COLUMNS 8
#define BENCH_TABLE_ROWS 32
#define BENCH_TABLE_CELL 96

struct bench_table {
	size_t columns;
	size_t cells; /* number of filled cells, row after row */
	char text[BENCH_TABLE_ROWS * BENCH_TABLE_COLUMNS][BENCH_TABLE_CELL];
};

/* headings: an array of columns strings. */
void bench_table_init(struct bench_table *table, size_t columns, const char *const *headings);
/* Each bench_cell function fills the next cell. */
void bench_cell(struct bench_table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* 1.23 (1.20–1.31) */
void bench_cell_ratio(struct bench_table *table, const struct bench_summary *ratio);
/* 12 (10–15), each divided by the last argument. */
void bench_cell_range(struct bench_table *table, const struct bench_summary *summary, double by);
/* A time in ns, without a unit. */
void bench_cell_ns(struct bench_table *table, double ns);
/* A time, with the fitting unit from ns to s. */
void bench_cell_time(struct bench_table *table, double ns);
void bench_table_print(const struct bench_table *table);

/* The project's targets. */
enum bench_target {
	BENCH_FASTER_THAN_DRIVER,
	BENCH_ONE_OP,
	BENCH_OWN_COST,
	BENCH_OTHER_CALLS,
	BENCH_NATIVE,
	BENCH_LAYER_SHARE,
	BENCH_JOINED,
	BENCH_NOT_JOINED,
	BENCH_JOIN_COST,
	BENCH_TARGETS,
};

/* The limits of the targets. */
#define BENCH_OWN_COST_NS 200
#define BENCH_OTHER_CALLS_RATIO 1.02
#define BENCH_LAYER_SHARE_RATIO 0.05

/* "met" or "missed", also counted for bench_targets_print(). */
void bench_cell_target(struct bench_table *table, enum bench_target target, bool met);
/* Prints a table of how often each target was met. */
void bench_targets_print(void);

#endif
