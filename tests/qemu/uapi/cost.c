// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gpu.h"

/*
 * The cost of mapping 100,000,000 bytes: by one sparse op, by repeated maps of a BO of 2 MiB, by
 * pages. Drivers without sparse ops map such a BO, as panvk its blackhole. Only ratios are
 * meaningful: the machine is emulated.
 */

#define BASE GIB
#define BYTES UINT64_C(100000000)
#define ROUNDS 5
#define BLACKHOLE_SIZE (2 * MIB)
/* As in panvk. */
#define OPS_PER_IOCTL 16
#define WAYS 3

static const struct way {
	const char *name;
	uint32_t flags;
	uint64_t op_size; /* 0: one op over everything */
} ways[WAYS] = {
	{ "one sparse op", SPARSE, 0 },
	{ "a dummy BO of 2 MiB", NOEXEC, BLACKHOLE_SIZE },
	{ "pages of 4 KiB", NOEXEC, 4 * KIB },
};

/* The bytes that one op covers. */
static uint64_t op_size(const struct way *way)
{
	uint64_t page = 4 * KIB;

	return way->op_size ? way->op_size : (BYTES + page - 1) / page * page;
}

/* The number of ops for all bytes. */
static uint32_t op_count(const struct way *way)
{
	return (BYTES + op_size(way) - 1) / op_size(way);
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static struct drm_panthor_vm_bind_op *make_ops(const struct way *way, uint32_t bo)
{
	struct drm_panthor_vm_bind_op *ops = calloc(op_count(way), sizeof(*ops));

	for (uint32_t i = 0; ops && i < op_count(way); i++) {
		ops[i] = (struct drm_panthor_vm_bind_op){
			.flags = way->flags,
			.bo_handle = way->op_size ? bo : 0,
			.va = BASE + i * op_size(way),
			.size = op_size(way),
		};
	}
	return ops;
}

/* Returns the number of ioctls, or 0 if one failed. */
static uint32_t bind_all(uint32_t vm, const struct drm_panthor_vm_bind_op *ops, uint32_t count)
{
	uint32_t ioctls = 0;

	for (uint32_t i = 0; i < count; i += OPS_PER_IOCTL) {
		uint32_t rest = count - i;

		if (vm_bind(vm, 0, ops + i, rest < OPS_PER_IOCTL ? rest : OPS_PER_IOCTL, NULL)) {
			return 0;
		}
		ioctls++;
	}
	return ioctls;
}

/* Returns whether each op has one mapping, without gaps between them. */
static bool all_is_mapped(uint32_t count, uint64_t size)
{
	struct gpuva_map map = last_vm_map();
	bool result = map.count == count;

	for (size_t i = 0; result && i < map.count; i++) {
		result = map.vas[i].va == BASE + i * size && map.vas[i].size == size;
	}
	free(map.vas);
	return result;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Runs one round of a way in a new VM; returns the milliseconds. */
static double measure(const struct way *way, uint32_t bo, bool report, uint32_t *ioctls)
{
	struct drm_panthor_vm_bind_op *ops = make_ops(way, bo);
	uint32_t vm = vm_create(), count = op_count(way);
	double start, end;

	if (!ops) {
		check(false, "out of memory for %u ops", count);
		exit(1);
	}
	start = now_ms();
	*ioctls = bind_all(vm, ops, count);
	end = now_ms();
	if (report) {
		check(*ioctls && all_is_mapped(count, op_size(way)), "%s: %u ops in %u ioctls",
			way->name, count, *ioctls);
	}
	vm_destroy(vm);
	free(ops);
	return end - start;
}

void test_cost(void)
{
	double times[WAYS][ROUNDS];
	uint32_t bo = bo_create(BLACKHOLE_SIZE), ioctls[WAYS];

	/* Round -1 is the warm-up of the kernel's caches and the emulator's translations. */
	for (int round = -1; round < ROUNDS; round++) {
		for (int i = 0; i < WAYS; i++) {
			double time = measure(&ways[i], bo, round < 0, &ioctls[i]);

			if (round >= 0) {
				times[i][round] = time;
			}
		}
	}
	for (int i = 0; i < WAYS; i++) {
		qsort(times[i], ROUNDS, sizeof(double), compare);
		printf("INFO %s: %u ops, %u ioctls, %.1f times the time of %s\n", ways[i].name,
			op_count(&ways[i]), ioctls[i], times[i][ROUNDS / 2] / times[0][ROUNDS / 2],
			ways[0].name);
	}
	check(ioctls[0] == 1 && ioctls[0] < ioctls[1] && ioctls[1] < ioctls[2],
		"%s takes the fewest ioctls", ways[0].name);
	bo_close(bo);
}
