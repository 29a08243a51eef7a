/* SPDX-License-Identifier: MIT */
#ifndef VMB_BENCH_MEASURE_H
#define VMB_BENCH_MEASURE_H

#include <stddef.h>

/*
 * Comparing times on a machine that does other things as well.
 *
 * The sides of a comparison take turns, in changing order, so that what slows the machine down for
 * a while slows all of them down. A round is a number of turns, of which each side's median
 * counts; it has one ratio. The result is the median of the rounds' ratios, with the least and the
 * greatest of them.
 */

struct bench_summary {
	double median;
	double low;
	double high;
};

/* Sorts the values. */
struct bench_summary bench_summarize(double *values, size_t count);

/* Of one iteration in ns; divided by the first side's; minus the first side's. */
struct bench_result {
	struct bench_summary time;
	struct bench_summary ratio;
	struct bench_summary more;
};

/* The process's time does not pass while other processes run. */
enum bench_clock {
	BENCH_WALL,
	BENCH_PROCESS,
	BENCH_CLOCKS,
};

struct bench_side {
	/* Before and after each turn, not timed; may be NULL. */
	void (*prepare)(void *data);
	void (*restore)(void *data);
	void (*run)(void *data, unsigned iterations);
	void *data;

	struct bench_result result[BENCH_CLOCKS];
};

#define BENCH_SIDES 4
#define BENCH_ROUNDS 31
#define BENCH_TURNS 101

struct bench_effort {
	unsigned rounds; /* at most BENCH_ROUNDS, odd */
	unsigned turns; /* in each round; at most BENCH_TURNS, odd */
	unsigned iterations; /* in each turn */
};

void bench_measure(struct bench_side *sides, size_t count, const struct bench_effort *effort);
/* So many iterations that a turn is long enough to be timed, and so many turns that the whole of
 * it takes about so many seconds. */
struct bench_effort bench_effort_for(const struct bench_side *sides, size_t count, double seconds);

#endif
