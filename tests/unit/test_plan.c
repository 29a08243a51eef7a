/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fail_alloc.h"
#include "plan/plan.h"
#include "plan_model.h"
#include "scenarios.h"

#define MAX_OPS 64
#define MILLION ((size_t)1000000)

/*
 * The plan gets ops one by one. added is the plan's list after that, merged is the list after
 * vmb_plan_merge(). The text has the form of model_parse(). Each scenario runs in each layout of
 * the model.
 */
struct scenario {
	const char *name;
	const char *ops;
	const char *added;
	const char *merged;
};

/* clang-format off */
static const struct scenario scenarios[] = {
	{ "no op", "", "", "" },
	{ "one op", "M3+2=a@7", "M3+2=a@7", "M3+2=a@7" },
	{ "size 0 is dropped", "M0+1=a@0 S5+0 M7+0=a@0 U1+0 M1+1=a@1", "M0+2=a@0", "M0+2=a@0" },
	/* neighbours */
	{ "maps upwards", "M0+1=a@5 M1+2=a@6 M3+1=a@8", "M0+4=a@5", "M0+4=a@5" },
	{ "maps downwards", "M3+1=a@8 M1+2=a@6 M0+1=a@5", "M0+4=a@5", "M0+4=a@5" },
	{ "sparse upwards", "S0+1 S1+2 S3+1", "S0+4", "S0+4" },
	{ "sparse downwards", "S3+1 S1+2 S0+1", "S0+4", "S0+4" },
	{ "unmaps both ways", "U2+1 U3+1 U1+1 U4+1 U0+1", "U0+5", "U0+5" },
	{ "closing a gap from below", "S0+1 S2+1 S1+1", "S0+3", "S0+3" },
	{ "closing a gap from above", "M2+1=a@2 M0+1=a@0 M1+1=a@1", "M0+3=a@0", "M0+3=a@0" },
	{ "closing two gaps", "S3+1 S0+1 S2+1 S1+1", "S0+4", "S0+4" },
	{ "a chain that joins backwards", "U0+1 U2+1 U1+1 U4+1 U3+1", "U0+5", "U0+5" },
	/* differences that keep neighbours apart */
	{ "another backing", "M0+1=a@0 M1+1=b@1", "M0+1=a@0 M1+1=b@1", "M0+1=a@0 M1+1=b@1" },
	{ "a gap in the backing", "M0+1=a@0 M1+1=a@2", "M0+1=a@0 M1+1=a@2", "M0+1=a@0 M1+1=a@2" },
	{ "the backing in descending order", "M0+1=a@1 M1+1=a@0", "M0+1=a@1 M1+1=a@0", "M0+1=a@1 M1+1=a@0" },
	{ "the same page of the backing", "M0+1=a@4 M1+1=a@4", "M0+1=a@4 M1+1=a@4", "M0+1=a@4 M1+1=a@4" },
	{ "a gap in the range", "M0+1=a@0 M2+1=a@1", "M0+1=a@0 M2+1=a@1", "M0+1=a@0 M2+1=a@1" },
	{ "another resource", "0:S0+1 1:S1+1", "0:S0+1 1:S1+1", "0:S0+1 1:S1+1" },
	{ "another kind", "S0+1 U1+1 M2+1=a@0", "S0+1 U1+1 M2+1=a@0", "S0+1 U1+1 M2+1=a@0" },
	{ "a map of page 0 and sparse", "M0+1=a@0 S1+1", "M0+1=a@0 S1+1", "M0+1=a@0 S1+1" },
	/* order */
	{ "out of order", "S4+1 S0+1 S2+1", "S4+1 S0+1 S2+1", "S0+1 S2+1 S4+1" },
	{ "neighbours far apart", "S0+1 S4+1 S1+1", "S0+1 S4+1 S1+1", "S0+2 S4+1" },
	{ "resources out of order", "1:S0+1 0:S4+1 1:S1+1 0:S0+1", "1:S0+1 0:S4+1 1:S1+1 0:S0+1",
		"0:S0+1 0:S4+1 1:S0+2" },
	{ "a resource ends where the next begins", "1:S4+4 0:S0+8", "1:S4+4 0:S0+8", "0:S0+8 1:S4+4" },
	{ "a long op does not reach into the next resource", "1:S1+1 0:U0+9", "1:S1+1 0:U0+9", "0:U0+9 1:S1+1" },
	/* overlaps: the order stays, so the later op wins */
	{ "the same op twice", "M1+2=a@0 M1+2=a@0", "M1+2=a@0 M1+2=a@0", "M1+2=a@0 M1+2=a@0" },
	{ "replaced", "M1+2=a@0 M1+2=b@3", "M1+2=a@0 M1+2=b@3", "M1+2=a@0 M1+2=b@3" },
	{ "sparse in the middle", "M0+8=a@0 S3+2", "M0+8=a@0 S3+2", "M0+8=a@0 S3+2" },
	{ "hidden", "S3+2 M0+8=a@0", "S3+2 M0+8=a@0", "S3+2 M0+8=a@0" },
	{ "an overlap behind others", "S6+1 S4+1 S0+2 U1+1", "S6+1 S4+1 S0+2 U1+1", "S6+1 S4+1 S0+2 U1+1" },
	{ "an overlap in one of two resources", "1:S4+1 0:U1+1 0:S0+4 1:S0+1", "1:S4+1 0:U1+1 0:S0+4 1:S0+1",
		"1:S4+1 0:U1+1 0:S0+4 1:S0+1" },
	{ "joined ops keep their order", "M0+2=a@0 S1+1 S2+1 U2+1", "M0+2=a@0 S1+2 U2+1", "M0+2=a@0 S1+2 U2+1" },
	{ "the same range in two resources", "1:S0+4 0:S0+4", "1:S0+4 0:S0+4", "0:S0+4 1:S0+4" },
};
/* clang-format on */

static void check_list(const struct scenario *scenario, const struct model_layout *layout,
	const struct vmb_plan *plan, const char *text)
{
	struct vmb_op expected[MAX_OPS];
	size_t count = model_parse(layout, text, expected, MAX_OPS);
	bool same = plan->count == count;

	for (size_t i = 0; i < count && same; i++) {
		const struct vmb_op *op = &plan->ops[i];
		same = op->va == expected[i].va && op->size == expected[i].size &&
			op->offset == expected[i].offset && op->backing == expected[i].backing &&
			op->resource == expected[i].resource && op->kind == expected[i].kind;
	}
	if (!same) {
		fail_msg("%s, layout %s: expected %s", scenario->name, layout->name, text);
	}
}

static void test_scenario(void **state)
{
	const struct scenario *scenario = *state;

	for (size_t i = 0; i < MODEL_LAYOUTS; i++) {
		const struct model_layout *layout = &model_layouts[i];
		struct vmb_op ops[MAX_OPS];
		size_t count = model_parse(layout, scenario->ops, ops, MAX_OPS);
		struct vmb_plan plan;

		vmb_plan_init(&plan);
		for (size_t k = 0; k < count; k++) {
			assert_int_equal(vmb_plan_add(&plan, &ops[k]), 0);
		}
		check_list(scenario, layout, &plan, scenario->added);
		assert_int_equal(vmb_plan_merge(&plan), 0);
		check_list(scenario, layout, &plan, scenario->merged);
		assert_int_equal(vmb_plan_merge(&plan), 0);
		check_list(scenario, layout, &plan, scenario->merged);
		vmb_plan_finish(&plan);
	}
}

#define MAX UINT64_MAX

static const struct {
	const char *name;
	struct vmb_op op;
	int result;
} limits[] = {
	{ "the last byte", { .va = MAX - 1, .size = 1, .kind = VMB_OP_SPARSE }, 0 },
	{ "all bytes", { .va = 0, .size = MAX, .kind = VMB_OP_UNMAP }, 0 },
	{ "one byte too many", { .va = 1, .size = MAX, .kind = VMB_OP_UNMAP }, -EINVAL },
	{ "beyond the end", { .va = MAX, .size = 1, .kind = VMB_OP_SPARSE }, -EINVAL },
	{ "size 0 at the end", { .va = MAX, .size = 0, .kind = VMB_OP_SPARSE }, 0 },
	{ "the end of the backing", { .offset = MAX - 4, .size = 4, .kind = VMB_OP_MAP }, 0 },
	{ "beyond the backing", { .offset = MAX - 4, .size = 5, .kind = VMB_OP_MAP }, -EINVAL },
	{ "both at the end", { .va = MAX - 4, .offset = MAX - 4, .size = 4, .kind = VMB_OP_MAP },
		0 },
	{ "no backing, no offset", { .offset = MAX, .size = 5, .kind = VMB_OP_SPARSE }, 0 },
};

static void test_limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct vmb_op before = {
			.va = 64, .size = 2, .resource = 7, .kind = VMB_OP_SPARSE
		};
		struct vmb_plan plan;
		size_t expected = limits[i].result == 0 && limits[i].op.size > 0 ? 2 : 1;

		vmb_plan_init(&plan);
		assert_int_equal(vmb_plan_add(&plan, &before), 0);
		if (vmb_plan_add(&plan, &limits[i].op) != limits[i].result) {
			fail_msg("%s: expected %d", limits[i].name, limits[i].result);
		}
		assert_int_equal(plan.count, expected);
		assert_int_equal(plan.ops[0].size, before.size);
		assert_int_equal(vmb_op_valid(&limits[i].op), limits[i].result == 0);
		vmb_plan_finish(&plan);
	}
}

/* Members that a kind does not use become 0 and do not keep neighbours apart. */
static void test_unused_members(void **state)
{
	const struct vmb_op ops[] = {
		{ .va = 0, .size = 1, .offset = 5, .backing = 1, .kind = VMB_OP_SPARSE },
		{ .va = 1, .size = 1, .offset = 9, .backing = 2, .kind = VMB_OP_SPARSE },
	};
	struct vmb_plan plan;

	(void)state;
	vmb_plan_init(&plan);
	assert_int_equal(vmb_plan_add(&plan, &ops[0]), 0);
	assert_int_equal(vmb_plan_add(&plan, &ops[1]), 0);
	assert_int_equal(plan.count, 1);
	assert_int_equal(plan.ops[0].size, 2);
	assert_int_equal(plan.ops[0].offset, 0);
	assert_int_equal(plan.ops[0].backing, 0);
	vmb_plan_finish(&plan);
}

static void test_large_resource_ids(void **state)
{
	struct vmb_plan plan;

	(void)state;
	vmb_plan_init(&plan);
	for (uint64_t i = 0; i < 8; i++) {
		const struct vmb_op op = {
			.va = MAX - 1 - i, .size = 1, .resource = MAX - i, .kind = VMB_OP_UNMAP
		};
		assert_int_equal(vmb_plan_add(&plan, &op), 0);
	}
	assert_int_equal(vmb_plan_merge(&plan), 0);
	assert_int_equal(plan.count, 8);
	for (uint64_t i = 0; i < 8; i++) {
		assert_true(plan.ops[i].resource == MAX - 7 + i);
		assert_true(plan.ops[i].va == MAX - 8 + i);
	}
	vmb_plan_finish(&plan);
}

static void test_zeroed(void **state)
{
	struct vmb_plan plan = { 0 };

	(void)state;
	vmb_plan_finish(&plan);
	vmb_plan_finish(&plan);
}

/* Adds ops with descending addresses and gaps, the worst case for sorting without overlaps. */
static void add_downwards(struct vmb_plan *plan, size_t count)
{
	for (size_t i = count; i-- > 0;) {
		const struct vmb_op op = { .va = 2 * i, .size = 1, .kind = VMB_OP_SPARSE };
		assert_int_equal(vmb_plan_add(plan, &op), 0);
	}
}

static void test_small_batches_do_not_allocate(void **state)
{
	struct vmb_plan plan;

	(void)state;
	vmb_plan_init(&plan);
	fail_alloc_after(0);
	add_downwards(&plan, VMB_PLAN_INLINE_OPS);
	assert_int_equal(vmb_plan_merge(&plan), 0);
	assert_int_equal(fail_alloc_count(), 0);
	fail_alloc_after(FAIL_NEVER);
	assert_int_equal(plan.count, VMB_PLAN_INLINE_OPS);
	for (size_t i = 0; i < plan.count; i++) {
		assert_int_equal(plan.ops[i].va, 2 * i);
	}
	vmb_plan_finish(&plan);
}

/* Reserved room needs no allocation. A failed reservation keeps the ops. */
static void test_reserve(void **state)
{
	struct vmb_plan plan;

	(void)state;
	vmb_plan_init(&plan);
	add_downwards(&plan, 3);
	fail_alloc_after(0);
	assert_int_equal(vmb_plan_reserve(&plan, VMB_PLAN_INLINE_OPS - 3), 0);
	assert_int_equal(fail_alloc_count(), 0);
	assert_int_equal(vmb_plan_reserve(&plan, 1000), -ENOMEM);
	assert_int_equal(vmb_plan_reserve(&plan, SIZE_MAX), -ENOMEM);
	assert_int_equal(plan.count, 3);
	fail_alloc_after(FAIL_NEVER);
	assert_int_equal(vmb_plan_reserve(&plan, 1000), 0);
	fail_alloc_after(0);
	add_downwards(&plan, 1000);
	assert_int_equal(fail_alloc_count(), 0);
	fail_alloc_after(FAIL_NEVER);
	assert_int_equal(plan.count, 1003);
	vmb_plan_finish(&plan);
}

static void test_add_without_memory(void **state)
{
	const struct vmb_op more = { .va = 1000, .size = 1, .kind = VMB_OP_SPARSE };
	struct vmb_plan plan;

	(void)state;
	vmb_plan_init(&plan);
	for (size_t full = VMB_PLAN_INLINE_OPS; full < 1000; full *= 2) {
		struct vmb_op before[1000];
		add_downwards(&plan, full);
		assert_int_equal(plan.count, plan.capacity);
		memcpy(before, plan.ops, full * sizeof(*before));
		fail_alloc_after(0);
		assert_int_equal(vmb_plan_add(&plan, &more), -ENOMEM);
		assert_int_equal(fail_alloc_count(), 1);
		fail_alloc_after(FAIL_NEVER);
		assert_int_equal(plan.count, full);
		assert_memory_equal(plan.ops, before, full * sizeof(*before));
		/* Joining needs no memory. */
		const struct vmb_op neighbour = { .va = 1, .size = 1, .kind = VMB_OP_SPARSE };
		fail_alloc_after(0);
		assert_int_equal(vmb_plan_add(&plan, &neighbour), 0);
		fail_alloc_after(FAIL_NEVER);
		assert_int_equal(plan.count, full - 1);
		assert_int_equal(vmb_plan_add(&plan, &more), 0);
		assert_int_equal(vmb_plan_add(&plan, &before[0]), 0);
		assert_int_equal(plan.count, full + 1);
		plan.count = 0;
	}
	vmb_plan_finish(&plan);
}

/* Merges with an increasing number of allocations that succeed, until merging succeeds. */
static void merge_without_memory(struct vmb_plan *plan)
{
	size_t count = plan->count;
	struct vmb_op *before = malloc((count + 1) * sizeof(*before));
	int ret = -ENOMEM;

	assert_non_null(before);
	memcpy(before, plan->ops, count * sizeof(*before));
	for (uint64_t good = 0; ret != 0; good++) {
		fail_alloc_after(good);
		ret = vmb_plan_merge(plan);
		uint64_t attempts = fail_alloc_count();
		fail_alloc_after(FAIL_NEVER);
		if (ret != 0) {
			assert_int_equal(ret, -ENOMEM);
			assert_int_equal(attempts, good + 1);
			assert_int_equal(plan->count, count);
			assert_memory_equal(plan->ops, before, count * sizeof(*before));
		}
	}
	free(before);
}

static void random_round(uint64_t seed)
{
	uint64_t state = seed;
	uint64_t *random = &state;
	size_t max_ops = model_random(random) % 16 ? 40 : 400;
	const struct model_layout *layout = &model_layouts[model_random(random) % MODEL_LAYOUTS];
	struct model_source source = { .layout = layout };
	size_t count = model_random(random) % (max_ops + 1);
	bool overlaps = false;
	struct model model;
	struct vmb_plan plan;

	model_init(&model, layout, MODEL_RESOURCES, MODEL_PAGES);
	vmb_plan_init(&plan);
	for (size_t i = 0; i < count; i++) {
		uint64_t bits = model_random(random);
		uint8_t bytes[sizeof(bits)];
		memcpy(bytes, &bits, sizeof(bits));
		struct vmb_op op = model_next_op(&source, bytes);
		overlaps |= model_touches(&model, &op);
		model_apply(&model, &op);
		assert_int_equal(vmb_plan_add(&plan, &op), 0);
		/* A merged plan accepts further ops. */
		if (bytes[7] == 0) {
			assert_int_equal(vmb_plan_merge(&plan), 0);
		}
	}
	assert_true(model_has_effect(&model, plan.ops, plan.count));
	merge_without_memory(&plan);
	const char *error = overlaps ? NULL : model_compare(&model, plan.ops, plan.count);
	if (!error && !model_has_effect(&model, plan.ops, plan.count)) {
		error = "the plan has another effect";
	}
	if (error) {
		fail_msg("VMB_SEED=%" PRIu64 " VMB_ROUNDS=1: %s", seed, error);
	}
	vmb_plan_finish(&plan);
	model_finish(&model);
}

static void test_random(void **state)
{
	uint64_t seed = model_seed();
	size_t rounds = model_rounds(3000);

	(void)state;
	print_message("VMB_SEED=%" PRIu64 " VMB_ROUNDS=%zu\n", seed, rounds);
	for (size_t i = 0; i < rounds; i++) {
		random_round(seed + i);
	}
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void merge_timed(struct vmb_plan *plan, size_t added, double start)
{
	double middle = now();

	assert_int_equal(vmb_plan_merge(plan), 0);
	print_message("%zu added at %.1f ns, merged at %.1f ns each\n", added,
		(middle - start) * 1e9 / (double)added, (now() - middle) * 1e9 / (double)added);
}

static void test_million_neighbours(void **state)
{
	struct vmb_plan plan;
	double start = now();

	(void)state;
	vmb_plan_init(&plan);
	for (uint64_t i = 0; i < MILLION; i++) {
		const struct vmb_op op = { .va = i * 4096,
			.size = 4096,
			.offset = i * 4096,
			.backing = 1,
			.kind = VMB_OP_MAP };
		assert_int_equal(vmb_plan_add(&plan, &op), 0);
	}
	merge_timed(&plan, MILLION, start);
	assert_int_equal(plan.count, 1);
	assert_true(plan.ops[0].size == MILLION * 4096);
	assert_int_equal(plan.capacity, VMB_PLAN_INLINE_OPS);
	vmb_plan_finish(&plan);
}

static void test_million_sorted(void **state)
{
	struct vmb_plan plan;
	double start = now();

	(void)state;
	vmb_plan_init(&plan);
	for (uint64_t i = 0; i < MILLION; i++) {
		const struct vmb_op op = {
			.va = i * 4096, .size = 4096, .kind = i % 2 ? VMB_OP_SPARSE : VMB_OP_UNMAP
		};
		assert_int_equal(vmb_plan_add(&plan, &op), 0);
	}
	const struct vmb_op *ops = plan.ops;
	fail_alloc_after(0);
	merge_timed(&plan, MILLION, start);
	fail_alloc_after(FAIL_NEVER);
	assert_ptr_equal(plan.ops, ops);
	assert_int_equal(plan.count, MILLION);
	vmb_plan_finish(&plan);
}

/* All pages of one backing, in random order. */
static void test_million_shuffled(void **state)
{
	uint64_t random = 1;
	uint32_t *pages = malloc(MILLION * sizeof(*pages));
	struct vmb_plan plan;

	(void)state;
	assert_non_null(pages);
	for (uint32_t i = 0; i < MILLION; i++) {
		size_t other = model_random(&random) % (i + 1);
		pages[i] = pages[other];
		pages[other] = i;
	}
	vmb_plan_init(&plan);
	double start = now();
	for (size_t i = 0; i < MILLION; i++) {
		uint64_t at = (uint64_t)pages[i] * 4096;
		/* A gap in the middle of the backing leaves two ops. */
		const struct vmb_op op = { .va = at,
			.size = 4096,
			.offset = at + (pages[i] >= MILLION / 2 ? 4096 : 0),
			.backing = 1,
			.kind = VMB_OP_MAP };
		assert_int_equal(vmb_plan_add(&plan, &op), 0);
	}
	merge_timed(&plan, MILLION, start);
	assert_int_equal(plan.count, 2);
	assert_int_equal(plan.ops[1].va, MILLION / 2 * 4096);
	assert_int_equal(plan.ops[1].offset, (MILLION / 2 + 1) * 4096);
	assert_int_equal(plan.ops[1].size, MILLION / 2 * 4096);
	vmb_plan_finish(&plan);
	free(pages);
}

static void test_million_overlapping(void **state)
{
	const struct model_layout *layout = &model_layouts[1];
	uint64_t random = 2;
	struct model model;
	struct vmb_plan plan;

	(void)state;
	model_init(&model, layout, 1, 2 * MILLION);
	vmb_plan_init(&plan);
	double start = now();
	for (size_t i = 0; i < MILLION; i++) {
		uint64_t bits = model_random(&random);
		uint64_t page = (bits >> 32) % (2 * MILLION - 4);
		const struct vmb_op op = {
			.va = layout->va + page * layout->page_size,
			.size = (1 + bits % 4) * layout->page_size,
			.offset = bits & 64 ? page * layout->page_size : 0,
			.backing = bits & 64 ? 1 : 0,
			.kind = bits & 64 ? VMB_OP_MAP : VMB_OP_SPARSE,
		};
		assert_int_equal(vmb_plan_add(&plan, &op), 0);
		model_apply(&model, &op);
	}
	merge_timed(&plan, MILLION, start);
	assert_true(model_has_effect(&model, plan.ops, plan.count));
	vmb_plan_finish(&plan);
	model_finish(&model);
}

static const struct CMUnitTest others[] = {
	cmocka_unit_test(test_limits),
	cmocka_unit_test(test_unused_members),
	cmocka_unit_test(test_large_resource_ids),
	cmocka_unit_test(test_zeroed),
	cmocka_unit_test(test_small_batches_do_not_allocate),
	cmocka_unit_test(test_reserve),
	cmocka_unit_test(test_add_without_memory),
	cmocka_unit_test(test_random),
	cmocka_unit_test(test_million_neighbours),
	cmocka_unit_test(test_million_sorted),
	cmocka_unit_test(test_million_shuffled),
	cmocka_unit_test(test_million_overlapping),
};

int main(void)
{
	const struct scenario_table table = SCENARIO_TABLE(scenarios);
	const struct CMUnitTest each = { .test_func = test_scenario };

	return run_scenarios("plan", &table, &each, others, sizeof(others) / sizeof(others[0]));
}
