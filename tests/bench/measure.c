/* SPDX-License-Identifier: MIT */
#include "measure.h"

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

/* A turn is far longer than the resolution of the clock, and far shorter than a time slice. So most
 * turns are not interrupted. */
#define TURN_NS 150e3

/* ns by each clock. */
struct times {
	double by[BENCH_CLOCKS];
};

static double read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static struct times now(void)
{
	return (struct times){ {
		[BENCH_WALL] = read_clock(CLOCK_MONOTONIC),
		[BENCH_PROCESS] = read_clock(CLOCK_PROCESS_CPUTIME_ID),
	} };
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

struct bench_summary bench_summarize(double *values, size_t count)
{
	qsort(values, count, sizeof(values[0]), compare);
	return (struct bench_summary){
		.median = (values[(count - 1) / 2] + values[count / 2]) / 2,
		.low = values[0],
		.high = values[count - 1],
	};
}

static struct times time_turn(const struct bench_side *side, unsigned iterations)
{
	if (side->prepare) {
		side->prepare(side->data);
	}
	struct times start = now();
	side->run(side->data, iterations);
	struct times end = now();
	if (side->restore) {
		side->restore(side->data);
	}
	for (int i = 0; i < BENCH_CLOCKS; i++) {
		end.by[i] = (end.by[i] - start.by[i]) / iterations;
	}
	return end;
}

/* The time of an iteration of each side. */
struct round {
	struct times sides[BENCH_SIDES];
};

static struct round run_round(const struct bench_side *sides, size_t count,
	const struct bench_effort *effort, bool backwards)
{
	double turns[BENCH_SIDES][BENCH_CLOCKS][BENCH_TURNS];
	struct round round;

	for (unsigned turn = 0; turn < effort->turns; turn++) {
		for (size_t i = 0; i < count; i++) {
			size_t side = (turn % 2 == 0) == backwards ? count - 1 - i : i;
			struct times times = time_turn(&sides[side], effort->iterations);
			for (int clock = 0; clock < BENCH_CLOCKS; clock++) {
				turns[side][clock][turn] = times.by[clock];
			}
		}
	}
	for (size_t i = 0; i < count; i++) {
		for (int clock = 0; clock < BENCH_CLOCKS; clock++) {
			round.sides[i].by[clock] =
				bench_summarize(turns[i][clock], effort->turns).median;
		}
	}
	return round;
}

static struct bench_result conclude(
	const struct round *rounds, size_t count, size_t side, enum bench_clock clock)
{
	double times[BENCH_ROUNDS];
	double ratios[BENCH_ROUNDS];
	double more[BENCH_ROUNDS];

	for (size_t i = 0; i < count; i++) {
		double first = rounds[i].sides[0].by[clock];
		times[i] = rounds[i].sides[side].by[clock];
		ratios[i] = times[i] / first;
		more[i] = times[i] - first;
	}
	return (struct bench_result){
		.time = bench_summarize(times, count),
		.ratio = bench_summarize(ratios, count),
		.more = bench_summarize(more, count),
	};
}

void bench_measure(struct bench_side *sides, size_t count, const struct bench_effort *effort)
{
	struct round rounds[BENCH_ROUNDS];

	for (size_t i = 0; i < count; i++) {
		time_turn(&sides[i], effort->iterations);
	}
	for (unsigned i = 0; i < effort->rounds; i++) {
		rounds[i] = run_round(sides, count, effort, i % 2);
	}
	for (size_t i = 0; i < count; i++) {
		for (int clock = 0; clock < BENCH_CLOCKS; clock++) {
			sides[i].result[clock] = conclude(rounds, effort->rounds, i, clock);
		}
	}
}

struct bench_effort bench_effort_for(const struct bench_side *sides, size_t count, double seconds)
{
	struct bench_effort effort = { .rounds = 11, .turns = 1, .iterations = 1 };
	double once = time_turn(&sides[0], 1).by[BENCH_WALL];

	while (once * effort.iterations < TURN_NS && effort.iterations < 1u << 20) {
		effort.iterations *= 2;
		once = time_turn(&sides[0], effort.iterations).by[BENCH_WALL];
	}
	double all = 0;
	for (size_t i = 0; i < count; i++) {
		all += time_turn(&sides[i], effort.iterations).by[BENCH_WALL] * effort.iterations;
	}
	double turns = seconds * 1e9 / (all * effort.rounds);
	effort.turns = turns > BENCH_TURNS ? BENCH_TURNS : (unsigned)turns | 1;
	return effort;
}
