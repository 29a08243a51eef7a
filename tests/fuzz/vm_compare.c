/* SPDX-License-Identifier: MIT */
#include "vm_compare.h"

#include "input.h"

void null_bos_add(struct null_bos *nulls, uint64_t id)
{
	expect(nulls->count < sizeof(nulls->ids) / sizeof(nulls->ids[0]), "too many null BOs");
	nulls->ids[nulls->count++] = id;
}

static bool is_null(const struct null_bos *nulls, const struct vmb_sim_va *va)
{
	bool found = va->sparse;

	for (size_t i = 0; i < nulls->count; i++) {
		found |= nulls->ids[i] == va->bo_id;
	}
	return found;
}

/* A null range has no BO and no flags. */
static struct vmb_sim_va simplify(const struct null_bos *nulls, const struct vmb_sim_va *va)
{
	struct vmb_sim_va simple = *va;

	simple.bo = 0;
	if (is_null(nulls, va)) {
		simple = (struct vmb_sim_va){ .va = va->va, .size = va->size, .sparse = true };
	}
	return simple;
}

static bool continues(const struct vmb_sim_va *low, const struct vmb_sim_va *high)
{
	return low->va + low->size == high->va && low->sparse == high->sparse &&
		low->bo_id == high->bo_id && low->flags == high->flags &&
		(low->sparse || low->offset + low->size == high->offset);
}

/* Joins neighbours. Returns the new count. */
static size_t join(const struct null_bos *nulls, struct vmb_sim_va *vas, size_t count)
{
	size_t joined = 0;

	for (size_t i = 0; i < count; i++) {
		struct vmb_sim_va va = simplify(nulls, &vas[i]);
		if (joined && continues(&vas[joined - 1], &va)) {
			vas[joined - 1].size += va.size;
		} else {
			vas[joined++] = va;
		}
	}
	return joined;
}

static bool same(const struct vmb_sim_va *a, const struct vmb_sim_va *b)
{
	return a->va == b->va && a->size == b->size && a->sparse == b->sparse &&
		a->bo_id == b->bo_id && a->offset == b->offset && a->flags == b->flags;
}

bool vm_compare(
	struct vmb_sim_file *a, struct vmb_sim_file *b, uint32_t vm, const struct null_bos *nulls)
{
	struct vmb_sim_va *vas[2] = { NULL, NULL };
	size_t counts[2] = { 0, 0 };
	bool is_same = vmb_sim_vm_map(a, vm, false, &vas[0], &counts[0]) == 0 &&
		vmb_sim_vm_map(b, vm, false, &vas[1], &counts[1]) == 0;

	for (size_t i = 0; i < 2 && is_same; i++) {
		counts[i] = join(nulls, vas[i], counts[i]);
	}
	is_same = is_same && counts[0] == counts[1];
	for (size_t i = 0; i < counts[0] && is_same; i++) {
		is_same = same(&vas[0][i], &vas[1][i]);
	}
	free(vas[0]);
	free(vas[1]);
	return is_same;
}
