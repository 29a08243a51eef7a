// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gpu.h"

/*
 * The largest range of one op. The kernel preallocates a page for each 2 MiB of the range, and
 * stores the pages' addresses in one array of 4 MiB at most. An op over more than 1022 GiB fails,
 * with a warning in the kernel's log, on a machine with any amount of memory.
 */

#define BASE TIB

static int make_sparse(uint32_t vm, uint64_t size)
{
	return vm_bind_one(
		vm, (struct drm_panthor_vm_bind_op){ .flags = SPARSE, .va = BASE, .size = size });
}

static bool mapped_is(uint64_t size)
{
	struct gpuva_map map = last_vm_map();
	bool result = size ? map.count == 1 && map.vas[0].size == size : map.count == 0;

	free(map.vas);
	return result;
}

void test_limits(void)
{
	uint32_t vm = vm_create();
	int err = make_sparse(vm, 2 * TIB);

	check(err == ENOMEM && mapped_is(0), "2 TiB by one op: %s", strerror(err));
	err = make_sparse(vm, 64 * GIB);
	check(!err && mapped_is(64 * GIB), "64 GiB by one op: %s", strerror(err));
	vm_destroy(vm);
}
