/* SPDX-License-Identifier: MIT */
#ifndef VMB_BENCH_MEASURE_H
#define VMB_BENCH_MEASURE_H

#include <stddef.h>

/*
 * Compares times on a machine with other load.
 *
 * The sides of a comparison take turns, in changing order, so that other load slows all sides down.
 * A round is a number of turns. The medians of each side's turns give the ratio of the round. The
 * result is the median of the rounds' ratios, with the least and the greatest of them.
 */

struct bench_summary {
	double median;
	double low;
	double high;
};

/* Sorts the values. */
struct bench_summary bench_summarize(double *values, size_t count);

struct bench_result {
	struct bench_summary time; /* of one iteration, in ns */
	struct bench_summary ratio; /* time divided by the first side's */
	struct bench_summary more; /* time minus the first side's */
};

/* BENCH_PROCESS: the processor time of the process. */
enum bench_clock {
	BENCH_WALL,
	BENCH_PROCESS,
	BENCH_CLOCKS,
};

struct bench_side {
	/* Called before and after each turn, untimed; may be NULL. */
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
/* Chooses the iterations so that a turn is long enough for the clock, and the turns so that the
 * measurement takes about this number of seconds. */
struct bench_effort bench_effort_for(const struct bench_side *sides, size_t count, double seconds);

#endif
