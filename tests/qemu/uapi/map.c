// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu.h"

/*
 * The mappings after each of a series of ops, read from gpuvas. A sparse mapping maps a BO of the
 * kernel. The parts of a split sparse mapping keep their offsets in that BO, modulo 2 MiB. A sparse
 * op over the range that split the mapping does not merge the parts. A sparse op over the whole
 * range does.
 */

#define BASE GIB
#define MAX_VAS 8

enum kind {
	END,
	SPARSE_BO,
	MEMORY_BO
};

/* All in KiB; start is relative to BASE. */
struct expected {
	enum kind kind;
	uint32_t start, size, offset;
};

struct step {
	const char *name;
	uint32_t flags;
	uint32_t start, size, offset; /* KiB */
	bool memory; /* map the BO */
	struct expected map[MAX_VAS];
};

static const struct step steps[] = {
	{
		.name = "96 MiB made sparse by one op",
		.flags = SPARSE,
		.size = 98304,
		.map = { { SPARSE_BO, 0, 98304, 0 } },
	},
	{
		.name = "64 KiB bound inside",
		.flags = NOEXEC,
		.memory = true,
		.start = 6144,
		.size = 64,
		.offset = 64,
		.map = {
			{ SPARSE_BO, 0, 6144, 0 },
			{ MEMORY_BO, 6144, 64, 64 },
			{ SPARSE_BO, 6208, 92096, 64 },
		},
	},
	{
		.name = "2 MiB bound inside",
		.flags = NOEXEC,
		.memory = true,
		.start = 16384,
		.size = 2048,
		.offset = 2048,
		.map = {
			{ SPARSE_BO, 0, 6144, 0 },
			{ MEMORY_BO, 6144, 64, 64 },
			{ SPARSE_BO, 6208, 10176, 64 },
			{ MEMORY_BO, 16384, 2048, 2048 },
			{ SPARSE_BO, 18432, 79872, 0 },
		},
	},
	{
		.name = "the 64 KiB made sparse again",
		.flags = SPARSE,
		.start = 6144,
		.size = 64,
		.map = {
			{ SPARSE_BO, 0, 6144, 0 },
			{ SPARSE_BO, 6144, 64, 0 },
			{ SPARSE_BO, 6208, 10176, 64 },
			{ MEMORY_BO, 16384, 2048, 2048 },
			{ SPARSE_BO, 18432, 79872, 0 },
		},
	},
	{
		.name = "all of it made sparse (the NULL bind): one mapping again",
		.flags = SPARSE,
		.size = 98304,
		.map = { { SPARSE_BO, 0, 98304, 0 } },
	},
	{
		.name = "a page unmapped",
		.flags = UNMAP,
		.start = 32772,
		.size = 4,
		.map = {
			{ SPARSE_BO, 0, 32772, 0 },
			{ SPARSE_BO, 32776, 65528, 8 },
		},
	},
	{
		.name = "all of it unmapped",
		.flags = UNMAP,
		.size = 98304,
	},
};

static size_t expected_count(const struct step *step)
{
	size_t count = 0;

	while (count < MAX_VAS && step->map[count].kind != END) {
		count++;
	}
	return count;
}

/* sparse_bo: the object of sparse mappings. */
static bool equal(const struct gpuva *va, const struct expected *expected, uint64_t sparse_bo)
{
	return va->va == BASE + expected->start * KIB && va->size == expected->size * KIB &&
		va->offset == expected->offset * KIB &&
		(va->object == sparse_bo) == (expected->kind == SPARSE_BO);
}

static bool is_as_expected(
	const struct gpuva_map *map, const struct step *step, uint64_t sparse_bo, uint64_t *memory)
{
	if (map->count != expected_count(step)) {
		return false;
	}
	for (size_t i = 0; i < map->count; i++) {
		const struct gpuva *va = &map->vas[i];

		if (!equal(va, &step->map[i], sparse_bo)) {
			return false;
		}
		if (step->map[i].kind == MEMORY_BO) {
			*memory = *memory ? *memory : va->object;
			if (va->object != *memory) {
				return false;
			}
		}
	}
	return true;
}

static void print_map(const struct gpuva_map *map, uint64_t sparse_bo)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct gpuva *va = &map->vas[i];

		printf("     %s %#llx + %#llx, offset %#llx\n",
			va->object == sparse_bo ? "sparse" : "memory", (unsigned long long)va->va,
			(unsigned long long)va->size, (unsigned long long)va->offset);
	}
}

void test_map(void)
{
	uint32_t vm = vm_create(), bo = bo_create(4 * MIB);
	uint64_t sparse_bo = 0, memory = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const struct step *step = &steps[i];
		int err = vm_bind_one(vm,
			(struct drm_panthor_vm_bind_op){
				.flags = step->flags,
				.bo_handle = step->memory ? bo : 0,
				.bo_offset = step->offset * KIB,
				.va = BASE + step->start * KIB,
				.size = step->size * KIB,
			});
		struct gpuva_map map = last_vm_map();

		if (!sparse_bo && map.count > 0) {
			sparse_bo = map.vas[0].object;
		}
		if (is_as_expected(&map, step, sparse_bo, &memory) && !err) {
			check(true, "%s", step->name);
		} else {
			check(false, "%s: %s, and the mappings are:", step->name,
				err ? strerror(err) : "accepted");
			print_map(&map, sparse_bo);
		}
		free(map.vas);
	}
	bo_close(bo);
	vm_destroy(vm);
}
