/* SPDX-License-Identifier: MIT */
/*
 * Compares the mappings of the simulated kernel with a model that has an entry for each page.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "bo.h"
#include "gpuvm.h"
#include "plan_model.h"
#include "scenarios.h"

#define PAGE UINT64_C(4096)
#define PAGES ((size_t)200)
#define BASE (UINT64_C(1) << 40)
#define BOS ((size_t)3)
#define OPS ((size_t)300)

struct page {
	bool mapped;
	bool first; /* the first page of a mapping */
	struct vmb_sim_bo *bo;
	uint64_t offset;
	uint32_t flags;
};

struct round {
	uint64_t seed;
	uint64_t random;
	struct page pages[PAGES + 1]; /* the last one stays unmapped */
	struct vmb_sim_bo *bos[BOS];
	struct vmb_sim_gpuvm vm;
};

static struct vmb_sim_bo *create_bo(void)
{
	struct vmb_sim_bo *bo = vmb_sim_alloc(sizeof(*bo));
	bo->refs = 1;
	bo->memfd = -1;
	return bo;
}

static void model_set(struct round *round, size_t page, size_t count, const struct page *value)
{
	if (!count) {
		return;
	}
	/* The rest of a split mapping starts at the next page. */
	round->pages[page + count].first = round->pages[page + count].mapped;
	for (size_t i = 0; i < count; i++) {
		struct page *changed = &round->pages[page + i];
		*changed = *value;
		changed->first = value->mapped && i == 0;
		if (value->bo) {
			changed->offset += i * PAGE;
		}
	}
}

static void random_op(struct round *round)
{
	size_t page = model_random(&round->random) % PAGES;
	size_t count = model_random(&round->random) % (model_random(&round->random) % 2 ? 4 : 60);
	if (count > PAGES - page) {
		count = PAGES - page;
	}
	uint64_t kind = model_random(&round->random) % 4;
	if (kind == 0) {
		vmb_sim_gpuvm_unmap(&round->vm, BASE + page * PAGE, count * PAGE);
		model_set(round, page, count, &(struct page){ 0 });
		return;
	}

	struct page value = { .mapped = true,
		.flags = (uint32_t)(model_random(&round->random) % 2) };
	if (kind > 1) {
		value.bo = round->bos[model_random(&round->random) % BOS];
		/* Two of three offsets let neighbours continue each other. */
		value.offset = (model_random(&round->random) % 3 ? page : page + 7) * PAGE;
	}
	struct vmb_sim_mapping mapping = {
		.va = BASE + page * PAGE,
		.size = count * PAGE,
		.offset = value.offset,
		.bo = value.bo,
		.flags = value.flags,
	};
	vmb_sim_gpuvm_map(&round->vm, &mapping);
	model_set(round, page, count, &value);
}

static bool continues(const struct page *page, const struct page *next)
{
	return page->mapped && next->mapped && page->bo == next->bo && page->flags == next->flags &&
		(!page->bo || next->offset == page->offset + PAGE);
}

static bool is_start(const struct round *round, size_t page, bool merged)
{
	if (!merged) {
		return round->pages[page].first;
	}
	return round->pages[page].mapped &&
		(page == 0 || !continues(&round->pages[page - 1], &round->pages[page]));
}

/* Compares the list with the model, mapping by mapping. */
static void check_list(const struct round *round, bool merged)
{
	struct vmb_sim_mapping *mappings;
	size_t count = vmb_sim_gpuvm_list(&round->vm, merged, &mappings);
	size_t page = 0;
	size_t i = 0;
	for (; page < PAGES; i++) {
		while (page < PAGES && !round->pages[page].mapped) {
			page++;
		}
		if (page == PAGES) {
			break;
		}
		size_t end = page + 1;
		while (end < PAGES && round->pages[end].mapped && !is_start(round, end, merged)) {
			end++;
		}
		const struct page *model = &round->pages[page];
		if (i >= count || mappings[i].va != BASE + page * PAGE ||
			mappings[i].size != (end - page) * PAGE || mappings[i].bo != model->bo ||
			mappings[i].flags != model->flags ||
			(model->bo && mappings[i].offset != model->offset)) {
			fail_msg("VMB_SEED=%" PRIu64 " VMB_ROUNDS=1: mapping %zu, page %zu%s",
				round->seed, i, page, merged ? ", merged" : "");
		}
		page = end;
	}
	assert_int_equal(i, count);
	free(mappings);
}

static void run_round(uint64_t seed)
{
	struct round *round = vmb_sim_alloc(sizeof(*round));
	round->seed = seed;
	round->random = seed;
	vmb_sim_gpuvm_init(&round->vm);
	for (size_t i = 0; i < BOS; i++) {
		round->bos[i] = create_bo();
	}
	for (size_t i = 0; i < OPS; i++) {
		random_op(round);
		check_list(round, false);
		check_list(round, true);
	}
	vmb_sim_gpuvm_finish(&round->vm);
	for (size_t i = 0; i < BOS; i++) {
		/* Removed mappings hold no references. */
		assert_int_equal(round->bos[i]->refs, 1);
		vmb_sim_bo_unref(round->bos[i]);
	}
	free(round);
}

static void random_ops(void **state)
{
	(void)state;
	uint64_t seed = model_seed();
	size_t rounds = model_rounds(20);
	print_message("VMB_SEED=%" PRIu64 " VMB_ROUNDS=%zu\n", seed, rounds);
	for (size_t i = 0; i < rounds; i++) {
		run_round(seed + i);
	}
}

/* This workload is slow if the cost of a map grows with the number of mappings. */
static void many_mappings(void **state)
{
	(void)state;
	const size_t count = 100000;
	struct vmb_sim_gpuvm vm;
	vmb_sim_gpuvm_init(&vm);
	for (size_t i = 0; i < count; i++) {
		struct vmb_sim_mapping mapping = { .va = (i * 7919 % count) * 2 * PAGE,
			.size = PAGE };
		vmb_sim_gpuvm_map(&vm, &mapping);
	}
	assert_int_equal(vm.count, count);
	vmb_sim_gpuvm_unmap(&vm, 0, count * PAGE);
	assert_int_equal(vm.count, count / 2);
	vmb_sim_gpuvm_finish(&vm);
	assert_int_equal(vm.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_ops),
		cmocka_unit_test(many_mappings),
	};
	return cmocka_run_group_tests_name("sim gpuvm", tests, NULL, NULL);
}
