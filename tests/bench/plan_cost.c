/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "pages.h"
#include "plan/plan.h"
#include "plan/residency.h"
#include "sections.h"
#include "table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The ops of a list, with the layer's plan and residency map for them. */
struct planning {
	struct vmb_op *ops;
	size_t count;
	struct vmb_plan plan;
	struct vmb_residency residency;
};

static void init(struct planning *planning, const struct bench_pages *pages, enum bench_list list)
{
	*planning = (struct planning){
		.ops = calloc(pages->counts[list], sizeof(struct vmb_op)),
		.count = pages->counts[list],
	};
	if (!planning->ops) {
		vku_fail("out of memory");
	}
	vmb_plan_init(&planning->plan);
	vmb_residency_init(&planning->residency);
	for (size_t i = 0; i < planning->count; i++) {
		const struct bench_range *range = &pages->ranges[list][i];
		planning->ops[i] = (struct vmb_op){
			.kind = range->bound ? VMB_OP_MAP : VMB_OP_SPARSE,
			.va = (UINT64_C(1) << 40) + range->at,
			.size = range->size,
			.offset = range->from,
			.resource = 1,
		};
	}
}

static void finish(struct planning *planning)
{
	vmb_plan_finish(&planning->plan);
	vmb_residency_finish(&planning->residency);
	free(planning->ops);
}

static void make_plan(struct planning *planning)
{
	for (size_t i = 0; i < planning->count; i++) {
		if (vmb_plan_add(&planning->plan, &planning->ops[i]) < 0) {
			vku_fail("out of memory");
		}
	}
	if (vmb_plan_merge(&planning->plan) < 0) {
		vku_fail("out of memory");
	}
}

static void empty(void *data)
{
	struct planning *planning = data;

	vmb_plan_finish(&planning->plan);
	vmb_residency_finish(&planning->residency);
}

static void plan(void *data, unsigned iterations)
{
	(void)iterations; /* always 1, since only prepare empties the plan */
	make_plan(data);
}

static void empty_and_plan(void *data)
{
	empty(data);
	make_plan(data);
}

static void record(void *data, unsigned iterations)
{
	struct planning *planning = data;

	(void)iterations;
	for (size_t i = 0; i < planning->plan.count; i++) {
		if (vmb_residency_reserve(&planning->residency) < 0) {
			vku_fail("out of memory");
		}
		vmb_residency_apply(&planning->residency, &planning->plan.ops[i]);
	}
}

void bench_plan_cost(void)
{
	static const char *const headings[] = { "per page, ns", "plan", "residency", "ops" };
	static const struct {
		const char *label;
		enum bench_list list;
	} rows[] = {
		{ "in order", BENCH_CONTIGUOUS },
		{ "scattered, sorted", BENCH_SORTED },
		{ "scattered", BENCH_SCATTERED },
	};
	static const struct bench_effort effort = { .rounds = 11, .turns = 5, .iterations = 1 };
	struct bench_table table;
	struct bench_pages pages;

	printf("### The plan of %u binds and the residency map, without any system call\n\n",
		BENCH_PAGES);
	bench_pages_init(&pages, 4096, BENCH_PAGES);
	bench_table_init(&table, COUNT(headings), headings);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct planning planning;
		struct bench_side plan_side = { .prepare = empty, .run = plan, .data = &planning };
		struct bench_side record_side = {
			.prepare = empty_and_plan,
			.run = record,
			.data = &planning,
		};

		init(&planning, &pages, rows[i].list);
		bench_measure(&plan_side, 1, &effort);
		bench_measure(&record_side, 1, &effort);
		bench_cell(&table, "%s", rows[i].label);
		bench_cell_ns(&table, plan_side.result[BENCH_PROCESS].time.median / BENCH_PAGES);
		bench_cell_ns(&table, record_side.result[BENCH_PROCESS].time.median / BENCH_PAGES);
		bench_cell(&table, "%zu", planning.plan.count);
		finish(&planning);
	}
	bench_table_print(&table);
	bench_pages_finish(&pages);
}
