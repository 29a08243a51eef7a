/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>

#include "fail_alloc.h"
#include "plan/residency.h"
#include "plan_model.h"
#include "scenarios.h"

#define MAX_OPS 64

/* The residency map gets ops one by one; bound is the number of bound pages after that. The text
 * has the form of model_parse(). */
struct scenario {
	const char *name;
	const char *ops;
	uint64_t bound;
};

/* clang-format off */
static const struct scenario scenarios[] = {
	{ "no op", "", 0 },
	{ "one map", "M3+2=a@7", 2 },
	{ "size 0 binds nothing", "M0+0=a@0 M3+2=a@7 M4+0=b@0", 2 },
	{ "size 0 unbinds nothing", "M3+2=a@7 S4+0", 2 },
	{ "unbinding an unbound range", "S0+4 U2+9", 0 },
	{ "bound and unbound", "M3+2=a@7 S3+2", 0 },
	{ "bound and unmapped", "M3+2=a@7 U3+2", 0 },
	{ "unbinding a larger range", "M3+2=a@7 S0+9", 0 },
	{ "neighbours upwards", "M0+1=a@5 M1+2=a@6 M3+1=a@8", 4 },
	{ "neighbours downwards", "M3+1=a@8 M1+2=a@6 M0+1=a@5", 4 },
	{ "closing a gap", "M0+1=a@0 M2+1=a@2 M1+1=a@1", 3 },
	{ "closing a gap with another backing", "M0+1=a@0 M2+1=a@2 M1+1=b@1", 3 },
	{ "the same page of the backing twice", "M0+1=a@0 M4+1=a@0", 2 },
	{ "resources are ignored", "1:M0+1=a@0 2:M1+1=a@1", 2 },
	{ "unbinding the middle", "M0+8=a@0 S3+2", 6 },
	{ "unbinding the start", "M0+8=a@0 S0+2", 6 },
	{ "unbinding the end", "M0+8=a@0 S6+2", 6 },
	{ "unbinding across an end", "M0+8=a@0 S6+4", 6 },
	{ "a gap that is bound again", "M0+8=a@0 S3+2 M3+2=a@3", 8 },
	{ "bound again to the same memory", "M0+8=a@0 M3+2=a@3", 8 },
	{ "another backing in the middle", "M0+8=a@0 M3+2=b@0", 8 },
	{ "replacing parts of two ranges", "M0+3=a@0 M5+3=b@0 M2+4=c@0", 8 },
	{ "replacing many ranges", "M0+1=a@0 M2+1=a@9 M4+1=a@3 M6+1=a@1 M0+8=b@0", 8 },
	{ "unbinding many ranges", "M0+1=a@0 M2+1=a@9 M4+1=a@3 M6+2=a@1 S0+7", 1 },
	{ "unbinding between two ranges", "M0+2=a@0 M4+2=a@0 S2+2", 4 },
	{ "adjacent ranges do not overlap", "M2+2=a@0 S0+2 S4+2", 2 },
};
/* clang-format on */

static void apply(struct vmb_residency *residency, const struct vmb_op *op)
{
	assert_int_equal(vmb_residency_reserve(residency), 0);
	fail_alloc_after(0);
	vmb_residency_apply(residency, op);
	assert_int_equal(fail_alloc_count(), 0);
	fail_alloc_after(FAIL_NEVER);
}

static void test_scenario(void **state)
{
	const struct scenario *scenario = *state;

	for (size_t i = 0; i < MODEL_LAYOUTS; i++) {
		const struct model_layout *layout = &model_layouts[i];
		struct vmb_op ops[MAX_OPS];
		size_t count = model_parse(layout, scenario->ops, ops, MAX_OPS);
		struct vmb_residency residency;

		vmb_residency_init(&residency);
		for (size_t k = 0; k < count; k++) {
			apply(&residency, &ops[k]);
		}
		assert_int_equal(
			vmb_residency_bound(&residency), scenario->bound * layout->page_size);
		vmb_residency_finish(&residency);
	}
}

/* The count, and the number of ranges in the private members. */
static void check_model(
	const struct vmb_residency *residency, const struct model *model, uint64_t seed)
{
	uint64_t bound = 0;
	size_t ranges = 0;
	bool before = false;

	for (size_t i = 0; i < model->pages_per_resource; i++) {
		bool is_bound = model_page(model, 0, i)->kind == VMB_OP_MAP;
		bound += is_bound ? model->layout->page_size : 0;
		ranges += is_bound && !before;
		before = is_bound;
	}
	if (vmb_residency_bound(residency) != bound || residency->count != ranges) {
		fail_msg("VMB_SEED=%" PRIu64 " VMB_ROUNDS=1: %" PRIu64 " bytes, not %" PRIu64, seed,
			vmb_residency_bound(residency), bound);
	}
}

static void random_round(uint64_t seed)
{
	uint64_t random = seed;
	const struct model_layout *layout = &model_layouts[model_random(&random) % MODEL_LAYOUTS];
	uint64_t sizes = 1 + model_random(&random) % 16;
	struct vmb_residency residency;
	struct model model;

	model_init(&model, layout, 1, MODEL_PAGES);
	vmb_residency_init(&residency);
	for (int i = 0; i < 300; i++) {
		uint64_t bits = model_random(&random);
		uint64_t pages = 1 + bits % sizes;
		uint64_t page = (bits >> 16) % (MODEL_PAGES - pages);
		const struct vmb_op op = {
			.va = layout->va + page * layout->page_size,
			.size = pages * layout->page_size,
			.kind = (bits >> 8) % 3 == 0 ? VMB_OP_SPARSE : VMB_OP_MAP,
		};
		apply(&residency, &op);
		if (op.kind == VMB_OP_MAP) {
			model_apply(&model, &op);
		} else {
			model_reset(&model, &op);
		}
		check_model(&residency, &model, seed);
	}
	vmb_residency_finish(&residency);
	model_finish(&model);
}

static void test_random(void **state)
{
	uint64_t seed = model_seed();
	size_t rounds = model_rounds(300);

	(void)state;
	print_message("VMB_SEED=%" PRIu64 " VMB_ROUNDS=%zu\n", seed, rounds);
	for (size_t i = 0; i < rounds; i++) {
		random_round(seed + i);
	}
}

static void test_limits(void **state)
{
	static const struct vmb_op beyond = { .va = 8, .size = UINT64_MAX, .kind = VMB_OP_MAP };
	static const struct vmb_op all = { .va = 0, .size = UINT64_MAX, .kind = VMB_OP_MAP };
	static const struct vmb_op middle = { .va = 8, .size = 8, .kind = VMB_OP_SPARSE };
	struct vmb_residency residency;

	(void)state;
	vmb_residency_init(&residency);
	apply(&residency, &beyond);
	assert_int_equal(vmb_residency_bound(&residency), 0);
	apply(&residency, &all);
	assert_true(vmb_residency_bound(&residency) == UINT64_MAX);
	apply(&residency, &middle);
	assert_true(vmb_residency_bound(&residency) == UINT64_MAX - 8);
	vmb_residency_finish(&residency);
	vmb_residency_finish(&residency);
}

/* A failed reservation keeps the ranges. */
static void test_without_memory(void **state)
{
	struct vmb_residency residency;
	size_t failures = 0;

	(void)state;
	vmb_residency_init(&residency);
	for (uint64_t i = 0; i < 1000; i++) {
		const struct vmb_op op = { .va = 2 * i, .size = 1, .kind = VMB_OP_MAP };
		fail_alloc_after(0);
		int ret = vmb_residency_reserve(&residency);
		fail_alloc_after(FAIL_NEVER);
		if (ret < 0) {
			assert_int_equal(ret, -ENOMEM);
			failures++;
		}
		assert_int_equal(vmb_residency_bound(&residency), i);
		apply(&residency, &op);
	}
	assert_in_range(failures, 1, 20);
	vmb_residency_finish(&residency);
}

static const struct CMUnitTest others[] = {
	cmocka_unit_test(test_random),
	cmocka_unit_test(test_limits),
	cmocka_unit_test(test_without_memory),
};

int main(void)
{
	const struct scenario_table table = SCENARIO_TABLE(scenarios);
	const struct CMUnitTest each = { .test_func = test_scenario };

	return run_scenarios(
		"residency", &table, &each, others, sizeof(others) / sizeof(others[0]));
}
