/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PLAN_MODEL_H
#define TESTS_PLAN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/plan.h"

/*
 * A model of the effect of ops: an entry for each page holds the last op of this page. The model is
 * slow and simple. Tests compare plan.c and residency.c with the model.
 *
 * A layout gives the addresses of pages and backings. The same ops run in several layouts, also at
 * both ends of the 64-bit range.
 */
struct model_layout {
	const char *name;
	uint64_t va; /* address of page 0 of each resource */
	uint64_t offset; /* offset of page 0 of each backing */
	uint64_t page_size; /* bytes */
};

#define MODEL_LAYOUTS 4
/* A resource and a backing can have this many pages in each of model_layouts. */
#define MODEL_PAGES 256
extern const struct model_layout model_layouts[MODEL_LAYOUTS];

struct model_page {
	uint64_t offset; /* in the backing */
	uint32_t backing;
	/* enum vmb_op_kind or MODEL_UNTOUCHED */
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
/* Applies an op. The op must lie within the model and consist of whole pages. */
void model_apply(struct model *model, const struct vmb_op *op);
/* Marks the range of the op as untouched. */
void model_reset(struct model *model, const struct vmb_op *op);
const struct model_page *model_page(const struct model *model, uint64_t resource, size_t page);
/* The number of ops in the shortest list with the model's effect. */
size_t model_runs(const struct model *model);

/*
 * Checks that ops is the shortest sorted list with the model's effect. Returns NULL, or a sentence
 * that describes the error.
 */
const char *model_compare(const struct model *model, const struct vmb_op *ops, size_t count);

/* Whether the ops, applied in order, have the model's effect. */
bool model_has_effect(const struct model *model, const struct vmb_op *ops, size_t count);
/* Whether earlier ops have touched a page of the op. */
bool model_touches(const struct model *model, const struct vmb_op *op);

/*
 * Parses ops from text. Numbers are pages of the layout, and blanks separate the ops:
 *   M<page>+<pages>=<backing>@<page of the backing>    map; backings are letters
 *   S<page>+<pages>                                    sparse
 *   U<page>+<pages>                                    unmap
 * A prefix <resource>: selects a resource other than 0. Returns the number of ops. Aborts on an
 * error.
 */
size_t model_parse(
	const struct model_layout *layout, const char *text, struct vmb_op *ops, size_t capacity);

/* Random numbers with a reproducible seed (splitmix64). */
uint64_t model_random(uint64_t *state);
/* The seed from VMB_SEED, or else from the clock. */
uint64_t model_seed(void);
/* The number of rounds from VMB_ROUNDS, or else the default. */
size_t model_rounds(size_t default_rounds);

/*
 * Makes an op from four bytes of any value. Some ops have a random range; others start at the end
 * of the last op or end at its start. The ops use MODEL_RESOURCES resources of MODEL_PAGES pages.
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
