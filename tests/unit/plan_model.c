/* SPDX-License-Identifier: MIT */
#include "plan_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SMALL_PAGE UINT64_C(4096)
#define TOP_OF_64_BITS (UINT64_MAX - MODEL_PAGES * SMALL_PAGE)

const struct model_layout model_layouts[MODEL_LAYOUTS] = {
	{ "bottom", 0, 0, SMALL_PAGE },
	{ "middle", UINT64_C(1) << 40, UINT64_C(1) << 32, UINT64_C(1) << 16 },
	{ "top", TOP_OF_64_BITS, TOP_OF_64_BITS, SMALL_PAGE },
	{ "huge pages", UINT64_MAX / 2, UINT64_MAX / 2, UINT64_C(1) << 55 },
};

static void *checked_calloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory) {
		perror("calloc");
		abort();
	}
	return memory;
}

void model_init(struct model *model, const struct model_layout *layout, size_t resources,
	size_t pages_per_resource)
{
	model->layout = layout;
	model->resources = resources;
	model->pages_per_resource = pages_per_resource;
	model->pages = checked_calloc(resources * pages_per_resource, sizeof(*model->pages));
	for (size_t i = 0; i < resources * pages_per_resource; i++) {
		model->pages[i].kind = MODEL_UNTOUCHED;
	}
}

void model_finish(struct model *model)
{
	free(model->pages);
	model->pages = NULL;
}

const struct model_page *model_page(const struct model *model, uint64_t resource, size_t page)
{
	return &model->pages[resource * model->pages_per_resource + page];
}

/* Whether the op consists of whole pages of the model. */
static bool model_contains(const struct model *model, const struct vmb_op *op)
{
	const struct model_layout *layout = model->layout;
	uint64_t from = op->va - layout->va;

	return op->resource < model->resources && op->va >= layout->va && op->size > 0 &&
		from % layout->page_size == 0 && op->size % layout->page_size == 0 &&
		from / layout->page_size < model->pages_per_resource &&
		op->size / layout->page_size <=
		model->pages_per_resource - from / layout->page_size;
}

/* Sets the pages of the op to a kind. VMB_OP_MAP also takes over the op's backing. */
static void write_pages(struct model *model, const struct vmb_op *op, int kind)
{
	uint64_t page_size = model->layout->page_size;

	if (!model_contains(model, op)) {
		fprintf(stderr, "the op lies outside the model\n");
		abort();
	}
	size_t first = op->resource * model->pages_per_resource +
		(size_t)((op->va - model->layout->va) / page_size);
	for (uint64_t i = 0; i < op->size / page_size; i++) {
		struct model_page *page = &model->pages[first + i];
		*page = (struct model_page){ .kind = kind };
		if (kind == VMB_OP_MAP) {
			page->backing = op->backing;
			page->offset = op->offset + i * page_size;
		}
	}
}

void model_apply(struct model *model, const struct vmb_op *op)
{
	write_pages(model, op, (int)op->kind);
}

void model_reset(struct model *model, const struct vmb_op *op)
{
	write_pages(model, op, MODEL_UNTOUCHED);
}

static bool same_page(const struct model_page *a, const struct model_page *b)
{
	return a->kind == b->kind && a->backing == b->backing && a->offset == b->offset;
}

/* Whether one op can cover the page and the next one. */
static bool next_continues(const struct model *model, const struct model_page *low)
{
	struct model_page expected = *low;

	if (low->kind == VMB_OP_MAP) {
		expected.offset += model->layout->page_size;
	}
	return same_page(&expected, low + 1);
}

size_t model_runs(const struct model *model)
{
	size_t runs = 0;

	for (size_t i = 0; i < model->resources * model->pages_per_resource; i++) {
		bool continues = i % model->pages_per_resource > 0 &&
			next_continues(model, &model->pages[i - 1]);
		runs += model->pages[i].kind != MODEL_UNTOUCHED && !continues;
	}
	return runs;
}

static bool is_well_formed(const struct vmb_op *op)
{
	return op->kind == VMB_OP_MAP ? op->offset + op->size > op->offset
				      : (op->backing == 0 && op->offset == 0);
}

static const char *compare_neighbours(const struct vmb_op *low, const struct vmb_op *high)
{
	uint64_t low_end = low->va + low->size;

	if (low->resource > high->resource ||
		(low->resource == high->resource && low->va >= high->va)) {
		return "ops are not sorted";
	}
	if (low->resource != high->resource || low_end < high->va) {
		return NULL;
	}
	if (low_end > high->va) {
		return "ops overlap";
	}
	if (low->kind == high->kind && low->backing == high->backing &&
		(low->kind != VMB_OP_MAP || low->offset + low->size == high->offset)) {
		return "two neighbours are not joined";
	}
	return NULL;
}

const char *model_compare(const struct model *model, const struct vmb_op *ops, size_t count)
{
	const char *error = NULL;
	struct model other;

	if (count != model_runs(model)) {
		return "the number of ops is not the number of runs";
	}
	model_init(&other, model->layout, model->resources, model->pages_per_resource);
	for (size_t i = 0; i < count && !error; i++) {
		if (!model_contains(&other, &ops[i]) || !is_well_formed(&ops[i])) {
			error = "an op is malformed";
			break;
		}
		error = i > 0 ? compare_neighbours(&ops[i - 1], &ops[i]) : NULL;
		model_apply(&other, &ops[i]);
	}
	for (size_t i = 0; i < model->resources * model->pages_per_resource && !error; i++) {
		if (!same_page(&model->pages[i], &other.pages[i])) {
			error = "the ops have another effect";
		}
	}
	model_finish(&other);
	return error;
}

bool model_has_effect(const struct model *model, const struct vmb_op *ops, size_t count)
{
	size_t pages = model->resources * model->pages_per_resource;
	bool same = true;
	struct model other;

	model_init(&other, model->layout, model->resources, model->pages_per_resource);
	for (size_t i = 0; i < count; i++) {
		model_apply(&other, &ops[i]);
	}
	for (size_t i = 0; i < pages; i++) {
		same &= same_page(&model->pages[i], &other.pages[i]);
	}
	model_finish(&other);
	return same;
}

bool model_touches(const struct model *model, const struct vmb_op *op)
{
	uint64_t page_size = model->layout->page_size;
	size_t first = op->resource * model->pages_per_resource +
		(size_t)((op->va - model->layout->va) / page_size);
	bool touched = false;

	for (uint64_t i = 0; i < op->size / page_size; i++) {
		touched |= model->pages[first + i].kind != MODEL_UNTOUCHED;
	}
	return touched;
}

static const char *parse_op(const struct model_layout *layout, const char *text, struct vmb_op *op)
{
	uint64_t resource = 0;
	uint64_t page;
	uint64_t pages;
	uint64_t offset = 0;
	char kind;
	char backing = 0;
	int length = 0;

	if (sscanf(text, "%" SCNu64 ":%n", &resource, &length) == 1 && length > 0) {
		text += length;
	}
	if (sscanf(text, "%c%" SCNu64 "+%" SCNu64 "%n", &kind, &page, &pages, &length) != 3) {
		return NULL;
	}
	text += length;
	if (kind == 'M') {
		if (sscanf(text, "=%c@%" SCNu64 "%n", &backing, &offset, &length) != 2) {
			return NULL;
		}
		text += length;
		offset = layout->offset + offset * layout->page_size;
	} else if (kind != 'S' && kind != 'U') {
		return NULL;
	}
	*op = (struct vmb_op){
		.va = layout->va + page * layout->page_size,
		.size = pages * layout->page_size,
		.offset = offset,
		.backing = (uint32_t)backing,
		.resource = resource,
		.kind = kind == 'M'   ? VMB_OP_MAP
			: kind == 'S' ? VMB_OP_SPARSE
				      : VMB_OP_UNMAP,
	};
	return text;
}

size_t model_parse(
	const struct model_layout *layout, const char *text, struct vmb_op *ops, size_t capacity)
{
	const char *rest = text;
	size_t count = 0;

	while (*rest) {
		if (*rest == ' ') {
			rest++;
			continue;
		}
		rest = count < capacity ? parse_op(layout, rest, &ops[count++]) : NULL;
		if (!rest || (*rest && *rest != ' ')) {
			fprintf(stderr, "cannot parse ops: %s\n", text);
			abort();
		}
	}
	return count;
}

uint64_t model_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t model_seed(void)
{
	const char *text = getenv("VMB_SEED");
	struct timespec now;

	if (text) {
		return strtoull(text, NULL, 0);
	}
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

size_t model_rounds(size_t default_rounds)
{
	const char *text = getenv("VMB_ROUNDS");

	return text ? strtoul(text, NULL, 0) : default_rounds;
}

struct vmb_op model_next_op(struct model_source *source, const uint8_t bytes[MODEL_OP_BYTES])
{
	static const enum vmb_op_kind kinds[] = { VMB_OP_MAP, VMB_OP_MAP, VMB_OP_SPARSE,
		VMB_OP_UNMAP };
	const struct model_layout *layout = source->layout;
	/* Half of the ops have up to 8 pages, the others up to 128. */
	size_t pages = bytes[2] & 128 ? 1 + (bytes[2] & 127) : 1 + (bytes[2] & 7);
	size_t page = bytes[1];
	unsigned backing = bytes[3] & 1;
	unsigned shift = (bytes[3] & 6) == 6;

	switch (bytes[0] >> 6) {
	case 0:
		page = source->page + source->pages;
		break;
	case 1:
		page = source->page > pages ? source->page - pages : 0;
		break;
	default:
		source->resource = (bytes[0] >> 2) % MODEL_RESOURCES;
		break;
	}
	page %= MODEL_PAGES - 1;
	if (pages > MODEL_PAGES - 1 - page) {
		pages = MODEL_PAGES - 1 - page;
	}
	source->page = page;
	source->pages = pages;
	struct vmb_op op = {
		.va = layout->va + page * layout->page_size,
		.size = pages * layout->page_size,
		.resource = source->resource,
		.kind = kinds[bytes[0] & 3],
	};
	if (op.kind == VMB_OP_MAP) {
		/* The page in the backing is the page in the resource, plus 1 for some ops. So ops
		 * that are not added one after the other may be neighbours. */
		op.offset = layout->offset + (page + shift) * layout->page_size;
		op.backing = 1 + backing;
	}
	return op;
}
