/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PLAN_MODEL_H
#define TESTS_PLAN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/plan.h"

/*
 * What a list of ops means, in the simplest way: an entry for each page says what was last done to
 * it. Slow and obvious, to hold plan.c and residency.c against.
 *
 * A layout says where pages and backings lie, so that the same ops can be tried at the ends of what
 * 64 bits hold.
 */
struct model_layout {
	const char *name;
	uint64_t va; /* of page 0 of each resource */
	uint64_t offset; /* of page 0 of each backing */
	uint64_t page_size;
};

#define MODEL_LAYOUTS 4
/* Pages that fit into each of model_layouts, of a resource and of a backing. */
#define MODEL_PAGES 256
extern const struct model_layout model_layouts[MODEL_LAYOUTS];

struct model_page {
	uint64_t offset; /* in the backing */
	uint32_t backing;
	/* an enum vmb_op_kind, or MODEL_UNTOUCHED */
	int kind;
};

#define MODEL_UNTOUCHED (-1)

struct model {
	const struct model_layout *layout;
	size_t resources;
	size_t pages_per_resource;
	struct model_page *pages;
};

void model_init(struct model *model, const struct model_layout *layout, size_t resources,
	size_t pages_per_resource);
void model_finish(struct model *model);
/* The op must lie within the model, and on its page boundaries. */
void model_apply(struct model *model, const struct vmb_op *op);
/* Forgets the range of the op. */
void model_forget(struct model *model, const struct vmb_op *op);
const struct model_page *model_page(const struct model *model, uint64_t resource, size_t page);
/* How many ops it takes to say what the model says. */
size_t model_runs(const struct model *model);

/*
 * Whether ops are the minimal, sorted list that means the same as the model: NULL, or a sentence
 * that says what is wrong.
 */
const char *model_compare(const struct model *model, const struct vmb_op *ops, size_t count);

/*
 * Ops as text, in pages of a layout. Ops are separated by blanks:
 *   M<page>+<pages>=<backing>@<page of the backing>    map; backings are letters
 *   S<page>+<pages>                                    sparse
 *   U<page>+<pages>                                    unmap
 * with <resource>: in front for a resource other than 0. Returns their number; aborts on bad text.
 */
size_t model_parse(
	const struct model_layout *layout, const char *text, struct vmb_op *ops, size_t capacity);

/* Random numbers with a seed that can be repeated (splitmix64). */
uint64_t model_random(uint64_t *state);
/* VMB_SEED, or else one from the clock. */
uint64_t model_seed(void);
/* VMB_ROUNDS, or else the number given. */
size_t model_rounds(size_t otherwise);

/*
 * Makes ops of four bytes each, any bytes: ops that lie at random, and ops that begin or end where
 * the last one ended or began, in MODEL_RESOURCES resources of MODEL_PAGES pages.
 */
#define MODEL_RESOURCES 3
#define MODEL_OP_BYTES 4
struct model_source {
	const struct model_layout *layout;
	size_t resource;
	size_t page;
	size_t pages;
};
struct vmb_op model_next_op(struct model_source *source, const uint8_t bytes[MODEL_OP_BYTES]);

#endif
