/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan/plan.h"
#include "plan/residency.h"
#include "plan_model.h"

/*
 * A libFuzzer target. The input bytes are ops, and the target compares plan.c and residency.c with
 * the model. The first byte selects the layout and how often the plan is merged between ops.
 *
 * The libFuzzer build defines VMB_LIBFUZZER and uses clang -fsanitize=fuzzer. Any other build has
 * its own main(): the program replays the named files, or else VMB_ROUNDS random inputs from
 * VMB_SEED.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct subject {
	struct model planned; /* the effect of all ops */
	bool overlaps; /* two ops bind the same page */
	struct model resident; /* the bound pages of resource 0 */
	struct vmb_plan plan;
	struct vmb_residency residency;
};

static void expect(bool good, const char *error)
{
	if (!good) {
		fprintf(stderr, "%s\n", error);
		abort();
	}
}

static void subject_init(struct subject *subject, const struct model_layout *layout)
{
	subject->overlaps = false;
	model_init(&subject->planned, layout, MODEL_RESOURCES, MODEL_PAGES);
	model_init(&subject->resident, layout, 1, MODEL_PAGES);
	vmb_plan_init(&subject->plan);
	vmb_residency_init(&subject->residency);
}

static void subject_finish(struct subject *subject)
{
	model_finish(&subject->planned);
	model_finish(&subject->resident);
	vmb_plan_finish(&subject->plan);
	vmb_residency_finish(&subject->residency);
}

static void apply_op(struct subject *subject, const struct vmb_op *op)
{
	expect(vmb_plan_add(&subject->plan, op) == 0, "the plan rejected a valid op");
	subject->overlaps |= model_touches(&subject->planned, op);
	model_apply(&subject->planned, op);
	if (op->resource != 0) {
		return;
	}
	expect(vmb_residency_reserve(&subject->residency) == 0, "out of memory");
	vmb_residency_apply(&subject->residency, op);
	if (op->kind == VMB_OP_MAP) {
		model_apply(&subject->resident, op);
	} else {
		model_reset(&subject->resident, op);
	}
}

static void check_plan(struct subject *subject)
{
	expect(vmb_plan_merge(&subject->plan) == 0, "out of memory");
	const struct vmb_plan *plan = &subject->plan;
	expect(model_has_effect(&subject->planned, plan->ops, plan->count),
		"the plan has another effect");
	const char *error = subject->overlaps
		? NULL
		: model_compare(&subject->planned, plan->ops, plan->count);
	expect(!error, error);
}

static void check_residency(const struct subject *subject)
{
	uint64_t bound = 0;

	for (size_t i = 0; i < MODEL_PAGES; i++) {
		if (model_page(&subject->resident, 0, i)->kind == VMB_OP_MAP) {
			bound += subject->resident.layout->page_size;
		}
	}
	expect(bound == vmb_residency_bound(&subject->residency), "the number of bytes is wrong");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct subject subject;
	size_t merge_every = SIZE_MAX;

	if (size == 0) {
		return 0;
	}
	struct model_source source = { .layout = &model_layouts[data[0] % MODEL_LAYOUTS] };
	if (data[0] & 128) {
		merge_every = 1 + (data[0] >> 2) % 32;
	}
	subject_init(&subject, source.layout);
	size_t applied = 0;
	for (size_t at = 1; size - at >= MODEL_OP_BYTES; at += MODEL_OP_BYTES) {
		struct vmb_op op = model_next_op(&source, &data[at]);
		apply_op(&subject, &op);
		if (++applied % merge_every == 0) {
			check_plan(&subject);
			check_residency(&subject);
		}
	}
	check_plan(&subject);
	check_residency(&subject);
	subject_finish(&subject);
	return 0;
}

#ifndef VMB_LIBFUZZER

#define MAX_BYTES 4096

static int replay(const char *path)
{
	/* A longer input is cut, which gives another valid input. */
	static uint8_t data[1 << 20];
	FILE *file = fopen(path, "rb");

	if (!file) {
		perror(path);
		return EXIT_FAILURE;
	}
	size_t size = fread(data, 1, sizeof(data), file);
	fclose(file);
	printf("%s: %zu bytes\n", path, size);
	LLVMFuzzerTestOneInput(data, size);
	return EXIT_SUCCESS;
}

static void run_random(uint64_t seed)
{
	uint8_t data[MAX_BYTES];
	uint64_t random = seed;
	/* Short inputs are as frequent as long ones. */
	size_t size = model_random(&random) % ((size_t)16 << model_random(&random) % 9);

	for (size_t i = 0; i < size; i++) {
		data[i] = (uint8_t)model_random(&random);
	}
	LLVMFuzzerTestOneInput(data, size);
}

int main(int argc, char **argv)
{
	int status = EXIT_SUCCESS;

	for (int i = 1; i < argc; i++) {
		if (replay(argv[i]) != EXIT_SUCCESS) {
			status = EXIT_FAILURE;
		}
	}
	if (argc == 1) {
		uint64_t seed = model_seed();
		size_t rounds = model_rounds(10000);
		printf("VMB_SEED=%" PRIu64 " VMB_ROUNDS=%zu\n", seed, rounds);
		fflush(stdout);
		for (size_t i = 0; i < rounds; i++) {
			run_random(seed + i);
		}
	}
	return status;
}

#endif
