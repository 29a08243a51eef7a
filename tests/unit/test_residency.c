/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fail_alloc.h"
#include "plan/residency.h"
#include "plan_model.h"
#include "scenarios.h"

#define MAX_OPS 64
/* 100 MB in pages of 4 KiB. */
#define MANY_PAGES ((size_t)24415)
#define PAGE UINT64_C(4096)

/* The residency map gets ops one by one; runs is the map's list after that. The text has the form
 * of model_parse(). */
struct scenario {
	const char *name;
	const char *ops;
	const char *runs;
};

/* clang-format off */
static const struct scenario scenarios[] = {
	{ "no op", "", "" },
	{ "one map", "M3+2=a@7", "M3+2=a@7" },
	{ "size 0 binds nothing", "M0+0=a@0 M3+2=a@7 M4+0=b@0", "M3+2=a@7" },
	{ "size 0 unbinds nothing", "M3+2=a@7 S4+0", "M3+2=a@7" },
	{ "unbinding an unbound range", "S0+4 U2+9", "" },
	{ "bound and unbound", "M3+2=a@7 S3+2", "" },
	{ "bound and unmapped", "M3+2=a@7 U3+2", "" },
	{ "unbinding a larger range", "M3+2=a@7 S0+9", "" },
	/* neighbours */
	{ "neighbours upwards", "M0+1=a@5 M1+2=a@6 M3+1=a@8", "M0+4=a@5" },
	{ "neighbours downwards", "M3+1=a@8 M1+2=a@6 M0+1=a@5", "M0+4=a@5" },
	{ "closing a gap", "M0+1=a@0 M2+1=a@2 M1+1=a@1", "M0+3=a@0" },
	{ "closing a gap with another backing", "M0+1=a@0 M2+1=a@2 M1+1=b@1", "M0+1=a@0 M1+1=b@1 M2+1=a@2" },
	{ "another backing", "M0+1=a@0 M1+1=b@1", "M0+1=a@0 M1+1=b@1" },
	{ "a gap in the backing", "M0+1=a@0 M1+1=a@2", "M0+1=a@0 M1+1=a@2" },
	{ "resources are ignored", "1:M0+1=a@0 2:M1+1=a@1", "M0+2=a@0" },
	/* replacing */
	{ "unbinding the middle", "M0+8=a@0 S3+2", "M0+3=a@0 M5+3=a@5" },
	{ "unbinding the start", "M0+8=a@0 S0+2", "M2+6=a@2" },
	{ "unbinding the end", "M0+8=a@0 S6+2", "M0+6=a@0" },
	{ "a gap that is bound again", "M0+8=a@0 S3+2 M3+2=a@3", "M0+8=a@0" },
	{ "bound again to the same memory", "M0+8=a@0 M3+2=a@3", "M0+8=a@0" },
	{ "another backing in the middle", "M0+8=a@0 M3+2=b@0", "M0+3=a@0 M3+2=b@0 M5+3=a@5" },
	{ "another backing at the start", "M0+8=a@0 M0+2=b@0", "M0+2=b@0 M2+6=a@2" },
	{ "another backing at the end", "M0+8=a@0 M6+2=b@0", "M0+6=a@0 M6+2=b@0" },
	{ "the same backing with another offset", "M0+8=a@0 M3+2=a@4", "M0+3=a@0 M3+2=a@4 M5+3=a@5" },
	{ "replacing parts of two runs", "M0+3=a@0 M5+3=b@0 M2+4=c@0", "M0+2=a@0 M2+4=c@0 M6+2=b@1" },
	{ "replacing many runs", "M0+1=a@0 M2+1=a@9 M4+1=a@3 M6+1=a@1 M0+8=b@0", "M0+8=b@0" },
	{ "unbinding many runs", "M0+1=a@0 M2+1=a@9 M4+1=a@3 M6+2=a@1 S0+7", "M7+1=a@2" },
	{ "joining the rest of a run", "M0+4=a@0 M4+4=b@0 M2+4=a@2", "M0+6=a@0 M6+2=b@2" },
	{ "adjacent ranges do not overlap", "M2+2=a@0 S0+2 S4+2", "M2+2=a@0" },
};
/* clang-format on */

/* Checks an invariant of residency.c in the private members: two neighbouring leaves hold more than
 * half of a leaf's capacity. */
static void check_leaves(const struct vmb_residency *residency)
{
	const struct vmb_residency_slot *slots = residency->slots;
	size_t runs = 0;

	for (size_t i = 0; i < residency->leaf_count; i++) {
		assert_true(slots[i].count > 0);
		runs += slots[i].count;
		if (i > 0) {
			assert_true(slots[i - 1].va < slots[i].va);
			assert_true(slots[i - 1].count + slots[i].count > 32);
		}
	}
	assert_int_equal(runs, residency->run_count);
}

static void apply(struct vmb_residency *residency, const struct vmb_op *op)
{
	assert_int_equal(vmb_residency_reserve(residency), 0);
	fail_alloc_after(0);
	vmb_residency_apply(residency, op);
	assert_int_equal(fail_alloc_count(), 0);
	fail_alloc_after(FAIL_NEVER);
	check_leaves(residency);
}

/* All runs as ops, in memory that the caller frees. */
static struct vmb_op *list(const struct vmb_residency *residency)
{
	struct vmb_op *ops = calloc(residency->run_count + 1, sizeof(*ops));
	struct vmb_run run;
	uint64_t va = 0;
	size_t count = 0;

	assert_non_null(ops);
	while (vmb_residency_next(residency, va, &run)) {
		assert_true(count < residency->run_count);
		ops[count++] = (struct vmb_op){ .va = run.va,
			.size = run.size,
			.offset = run.offset,
			.backing = run.backing,
			.kind = VMB_OP_MAP };
		va = run.va + run.size;
	}
	assert_int_equal(count, residency->run_count);
	return ops;
}

static void model_step(struct model *model, const struct vmb_op *op)
{
	struct vmb_op own = *op;

	own.resource = 0;
	if (op->kind == VMB_OP_MAP) {
		model_apply(model, &own);
	} else {
		model_reset(model, &own);
	}
}

static uint64_t model_bound(const struct model *model)
{
	uint64_t bound = 0;

	for (size_t i = 0; i < model->pages_per_resource; i++) {
		bound += model_page(model, 0, i)->kind == VMB_OP_MAP ? model->layout->page_size : 0;
	}
	return bound;
}

static void check_model(
	const struct vmb_residency *residency, const struct model *model, uint64_t seed)
{
	struct vmb_op *ops = list(residency);
	const char *error = model_compare(model, ops, residency->run_count);

	free(ops);
	if (!error && vmb_residency_bound(residency) != model_bound(model)) {
		error = "the number of bound bytes is wrong";
	}
	if (error) {
		fail_msg("VMB_SEED=%" PRIu64 " VMB_ROUNDS=1: %s", seed, error);
	}
}

/* Looks up the first and the last byte of each page. */
static void check_next(const struct vmb_residency *residency, const struct model *model)
{
	const struct model_layout *layout = model->layout;

	for (size_t i = 0; i < model->pages_per_resource; i++) {
		const struct model_page *page = model_page(model, 0, i);
		uint64_t first = layout->va + i * layout->page_size;
		uint64_t last = first + layout->page_size - 1;
		struct vmb_run run;

		if (page->kind == VMB_OP_MAP) {
			assert_true(vmb_residency_next(residency, last, &run));
			assert_true(run.va <= last && last - run.va < run.size);
			assert_true(run.offset - run.va == page->offset - first);
			assert_int_equal(run.backing, page->backing);
			assert_true(vmb_residency_next(residency, first, &run));
			assert_true(run.va <= first && last - run.va < run.size);
		} else if (vmb_residency_next(residency, last, &run)) {
			assert_true(run.va > last);
		}
	}
}

static void test_scenario(void **state)
{
	const struct scenario *scenario = *state;

	for (size_t i = 0; i < MODEL_LAYOUTS; i++) {
		struct vmb_op ops[MAX_OPS];
		size_t count = model_parse(&model_layouts[i], scenario->ops, ops, MAX_OPS);
		struct vmb_residency residency;
		struct model expected;

		vmb_residency_init(&residency);
		for (size_t k = 0; k < count; k++) {
			apply(&residency, &ops[k]);
		}
		model_init(&expected, &model_layouts[i], 1, MODEL_PAGES);
		count = model_parse(&model_layouts[i], scenario->runs, ops, MAX_OPS);
		for (size_t k = 0; k < count; k++) {
			model_apply(&expected, &ops[k]);
		}
		assert_int_equal(residency.run_count, count);
		check_model(&residency, &expected, 0);
		check_next(&residency, &expected);
		vmb_residency_finish(&residency);
		model_finish(&expected);
	}
}

static void test_limits(void **state)
{
	const struct vmb_op good[] = {
		{ .va = 0, .size = UINT64_MAX, .kind = VMB_OP_MAP, .backing = 1 },
		{ .va = 5, .size = UINT64_MAX - 5, .kind = VMB_OP_SPARSE },
		{ .va = UINT64_MAX - 1, .size = 1, .kind = VMB_OP_MAP, .offset = UINT64_MAX - 1 },
	};
	const struct vmb_op bad[] = {
		{ .va = 6, .size = UINT64_MAX - 5, .kind = VMB_OP_SPARSE },
		{ .va = 1, .size = UINT64_MAX, .kind = VMB_OP_MAP },
		{ .va = 0, .size = 2, .offset = UINT64_MAX - 1, .kind = VMB_OP_MAP },
		{ .va = UINT64_MAX, .size = 1, .kind = VMB_OP_MAP },
	};
	struct vmb_residency residency;
	struct vmb_run run;

	(void)state;
	vmb_residency_init(&residency);
	apply(&residency, &good[0]);
	assert_true(vmb_residency_bound(&residency) == UINT64_MAX);
	assert_true(vmb_residency_next(&residency, UINT64_MAX - 1, &run));
	assert_false(vmb_residency_next(&residency, UINT64_MAX, &run));
	apply(&residency, &good[1]);
	apply(&residency, &good[2]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		apply(&residency, &bad[i]);
	}
	assert_int_equal(residency.run_count, 2);
	assert_int_equal(vmb_residency_bound(&residency), 6);
	assert_true(vmb_residency_next(&residency, 5, &run));
	assert_true(run.va == UINT64_MAX - 1 && run.size == 1 && run.offset == UINT64_MAX - 1);
	vmb_residency_finish(&residency);
}

static void test_many_at_the_top(void **state)
{
	const struct vmb_op all = { .va = UINT64_MAX - 200, .size = 200, .kind = VMB_OP_UNMAP };
	struct vmb_residency residency;

	(void)state;
	vmb_residency_init(&residency);
	for (uint64_t i = 0; i < 100; i++) {
		const struct vmb_op op = {
			.va = UINT64_MAX - 1 - 2 * i, .size = 1, .kind = VMB_OP_MAP
		};
		apply(&residency, &op);
	}
	assert_int_equal(residency.run_count, 100);
	apply(&residency, &all);
	assert_int_equal(residency.run_count, 0);
	vmb_residency_finish(&residency);
}

static void test_zeroed(void **state)
{
	struct vmb_residency residency = { 0 };
	struct vmb_run run;

	(void)state;
	assert_false(vmb_residency_next(&residency, 0, &run));
	assert_int_equal(vmb_residency_bound(&residency), 0);
	vmb_residency_finish(&residency);
	vmb_residency_finish(&residency);
}

/* Binds a page to offset 0 of a backing. Neighbouring pages are not joined. */
static struct vmb_op page_op(size_t page, uint32_t backing)
{
	return (struct vmb_op){
		.va = PAGE * page, .size = PAGE, .backing = backing, .kind = VMB_OP_MAP
	};
}

/* Every allocation of vmb_residency_reserve() fails once. The map keeps its runs. */
static void test_reserve_without_memory(void **state)
{
	struct vmb_residency residency;
	size_t failures = 0;

	(void)state;
	vmb_residency_init(&residency);
	for (size_t i = 0; i < 2000; i++) {
		struct vmb_op op = page_op(i * 7 % 2000, 1);
		op.offset = i * 2 * PAGE;
		int ret = -ENOMEM;
		for (uint64_t good = 0; ret != 0; good++) {
			fail_alloc_after(good);
			ret = vmb_residency_reserve(&residency);
			fail_alloc_after(FAIL_NEVER);
			if (ret != 0) {
				assert_int_equal(ret, -ENOMEM);
				failures++;
			}
			assert_int_equal(residency.run_count, i);
		}
		apply(&residency, &op);
	}
	assert_true(failures > 2000 / 64);
	assert_int_equal(vmb_residency_bound(&residency), 2000 * PAGE);
	free(list(&residency));
	vmb_residency_finish(&residency);
}

/* Random ops on a small model, from the same source as in test_plan.c and fuzz_plan.c. */
static void short_round(uint64_t seed)
{
	uint64_t random = seed;
	struct model_source source = {
		.layout = &model_layouts[model_random(&random) % MODEL_LAYOUTS]
	};
	size_t count = model_random(&random) % 100;
	struct vmb_residency residency;
	struct model model;

	model_init(&model, source.layout, 1, MODEL_PAGES);
	vmb_residency_init(&residency);
	for (size_t i = 0; i < count; i++) {
		uint64_t bits = model_random(&random);
		uint8_t bytes[sizeof(bits)];
		memcpy(bytes, &bits, sizeof(bits));
		struct vmb_op op = model_next_op(&source, bytes);
		apply(&residency, &op);
		model_step(&model, &op);
		check_model(&residency, &model, seed);
	}
	check_next(&residency, &model);
	vmb_residency_finish(&residency);
	model_finish(&model);
}

#define LONG_PAGES ((size_t)4000)

static struct vmb_op long_round_op(
	const struct model_layout *layout, uint64_t *random, bool filling)
{
	uint64_t bits = model_random(random);
	size_t page = (bits >> 32) % LONG_PAGES;
	size_t pages = 1;
	struct vmb_op op = { .kind = bits % 8 < (filling ? 7 : 3) ? VMB_OP_MAP : VMB_OP_SPARSE };

	if ((bits & 0x70) == 0) {
		pages += (bits >> 8) % (filling ? 4 : 400);
	}
	if (pages > LONG_PAGES - page) {
		pages = LONG_PAGES - page;
	}
	op.va = layout->va + page * layout->page_size;
	op.size = pages * layout->page_size;
	if (op.kind == VMB_OP_MAP) {
		op.backing = 1 + (bits >> 20) % 4;
		op.offset = layout->offset + page * layout->page_size;
	}
	return op;
}

/* Many leaves: the map is filled and emptied several times. */
static void long_round(uint64_t seed)
{
	const struct model_layout *layout = &model_layouts[1];
	uint64_t random = seed;
	struct vmb_residency residency;
	struct model model;

	model_init(&model, layout, 1, LONG_PAGES);
	vmb_residency_init(&residency);
	for (size_t i = 0; i < 12000; i++) {
		struct vmb_op op = long_round_op(layout, &random, i % 6000 < 5000);
		apply(&residency, &op);
		model_step(&model, &op);
		if (i % 100 == 0) {
			check_model(&residency, &model, seed);
		}
	}
	check_model(&residency, &model, seed);
	check_next(&residency, &model);
	vmb_residency_finish(&residency);
	model_finish(&model);
}

static void run_rounds(void (*round)(uint64_t seed), size_t default_rounds)
{
	uint64_t seed = model_seed();
	size_t rounds = model_rounds(default_rounds);

	print_message("VMB_SEED=%" PRIu64 " VMB_ROUNDS=%zu\n", seed, rounds);
	for (size_t i = 0; i < rounds; i++) {
		round(seed + i);
	}
}

static void test_short_random(void **state)
{
	(void)state;
	run_rounds(short_round, 300);
}

static void test_long_random(void **state)
{
	(void)state;
	run_rounds(long_round, 10);
}

static void shuffle(size_t *pages, size_t count, uint64_t *random)
{
	for (size_t i = 0; i < count; i++) {
		size_t other = model_random(random) % (i + 1);
		pages[i] = pages[other];
		pages[other] = i;
	}
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Applies an op to each page of the list. The pages are every second page of the address space. */
static void apply_timed(struct vmb_residency *residency, const size_t *pages, size_t count,
	enum vmb_op_kind kind, uint32_t backing, const char *what)
{
	double start = now();

	for (size_t i = 0; i < count; i++) {
		struct vmb_op op = page_op(2 * pages[i], backing);
		op.kind = kind;
		assert_int_equal(vmb_residency_reserve(residency), 0);
		vmb_residency_apply(residency, &op);
	}
	print_message("%zu pages %s at %.1f ns each\n", count, what,
		(now() - start) * 1e9 / (double)count);
	check_leaves(residency);
}

static void test_many_scattered(void **state)
{
	static size_t pages[MANY_PAGES];
	const struct vmb_op all = {
		.va = PAGE, .size = 2 * MANY_PAGES * PAGE, .kind = VMB_OP_SPARSE
	};
	uint64_t random = 3;
	struct vmb_residency residency;

	(void)state;
	shuffle(pages, MANY_PAGES, &random);
	vmb_residency_init(&residency);
	apply_timed(&residency, pages, MANY_PAGES, VMB_OP_MAP, 1, "bound");
	assert_int_equal(residency.run_count, MANY_PAGES);
	shuffle(pages, MANY_PAGES, &random);
	apply_timed(&residency, pages, MANY_PAGES, VMB_OP_MAP, 2, "bound to another backing");
	assert_int_equal(residency.run_count, MANY_PAGES);
	assert_int_equal(vmb_residency_bound(&residency), MANY_PAGES * PAGE);
	shuffle(pages, MANY_PAGES, &random);
	apply_timed(&residency, pages, MANY_PAGES / 2, VMB_OP_SPARSE, 0, "unbound");
	apply_timed(&residency, pages, MANY_PAGES / 2, VMB_OP_MAP, 2, "bound again");
	assert_int_equal(residency.run_count, MANY_PAGES);
	/* Unbind all but the first page with one op. */
	apply(&residency, &all);
	assert_int_equal(residency.run_count, 1);
	assert_int_equal(residency.leaf_count, 1);
	apply_timed(&residency, pages, MANY_PAGES, VMB_OP_MAP, 3, "bound in an empty map");
	apply_timed(&residency, pages, MANY_PAGES, VMB_OP_SPARSE, 0, "unbound");
	assert_int_equal(residency.run_count, 0);
	assert_int_equal(vmb_residency_bound(&residency), 0);
	vmb_residency_finish(&residency);
}

/* Ascending ops fill every leaf. */
static void test_many_ascending(void **state)
{
	struct vmb_residency residency;

	(void)state;
	vmb_residency_init(&residency);
	for (size_t i = 0; i < MANY_PAGES; i++) {
		struct vmb_op op = page_op(i, 1 + i % 2);
		apply(&residency, &op);
	}
	assert_int_equal(residency.run_count, MANY_PAGES);
	assert_int_equal(residency.leaf_count, (MANY_PAGES + 63) / 64);
	vmb_residency_finish(&residency);
}

/* The number of runs in a full leaf. */
#define FULL_LEAF ((size_t)64)
#define EDGE_PAGES (2 * 5 * FULL_LEAF)

/* Applies an op to full leaves of isolated pages. */
static void check_on_full_leaves(const struct vmb_op *op)
{
	struct vmb_residency residency;
	struct model model;

	model_init(&model, &model_layouts[0], 1, EDGE_PAGES);
	vmb_residency_init(&residency);
	for (size_t i = 0; i < EDGE_PAGES; i += 2) {
		struct vmb_op page = page_op(i, 1);
		apply(&residency, &page);
		model_step(&model, &page);
	}
	apply(&residency, op);
	model_step(&model, op);
	check_model(&residency, &model, 0);
	check_next(&residency, &model);
	vmb_residency_finish(&residency);
	model_finish(&model);
}

/* Tests every range whose start and end are near the edge of a leaf. */
static void test_edges_of_leaves(void **state)
{
	size_t edges[64];
	size_t count = 0;

	(void)state;
	for (size_t page = 0; page <= EDGE_PAGES; page++) {
		size_t distance = (page + 3) % (2 * FULL_LEAF);
		if (distance <= 6) {
			edges[count++] = page;
		}
	}
	assert_true(count > 30);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = i + 1; k < count; k++) {
			struct vmb_op op = page_op(edges[i], 2);
			op.size = (edges[k] - edges[i]) * PAGE;
			check_on_full_leaves(&op);
			op.kind = VMB_OP_SPARSE;
			check_on_full_leaves(&op);
		}
	}
}

static const struct CMUnitTest others[] = {
	cmocka_unit_test(test_limits),
	cmocka_unit_test(test_many_at_the_top),
	cmocka_unit_test(test_zeroed),
	cmocka_unit_test(test_reserve_without_memory),
	cmocka_unit_test(test_edges_of_leaves),
	cmocka_unit_test(test_short_random),
	cmocka_unit_test(test_long_random),
	cmocka_unit_test(test_many_scattered),
	cmocka_unit_test(test_many_ascending),
};

int main(void)
{
	const struct scenario_table table = SCENARIO_TABLE(scenarios);
	const struct CMUnitTest each = { .test_func = test_scenario };

	return run_scenarios(
		"residency", &table, &each, others, sizeof(others) / sizeof(others[0]));
}
