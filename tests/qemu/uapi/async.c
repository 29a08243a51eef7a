// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gpu.h"

/* Asynchronous ops: waits, signals, and failures at submission. */

#define BASE GIB

static int submit(uint32_t vm, const struct drm_panthor_vm_bind_op *ops, uint32_t count)
{
	return vm_bind(vm, DRM_PANTHOR_VM_BIND_ASYNC, ops, count, NULL);
}

/* Returns whether the VM has one mapping, which covers exactly this range. */
static bool mapped_is(uint64_t va, uint64_t size)
{
	struct gpuva_map map = last_vm_map();
	bool result = map.count == 1 && map.vas[0].va == va && map.vas[0].size == size;

	free(map.vas);
	return result;
}

static void check_signal(uint32_t vm)
{
	uint32_t done = syncobj_create();
	struct drm_panthor_sync_op signal = {
		.flags = DRM_PANTHOR_SYNC_OP_SIGNAL,
		.handle = done,
	};
	struct drm_panthor_vm_bind_op op = {
		.flags = SPARSE,
		.va = BASE,
		.size = 96 * MIB,
		.syncs = DRM_PANTHOR_OBJ_ARRAY(1, &signal),
	};

	check(!submit(vm, &op, 1) && !syncobj_wait(done, 0) && mapped_is(BASE, 96 * MIB),
		"an op signals when it is done");
	syncobj_destroy(done);
}

/* An unmap and a map wait for one syncobj, the gate. */
static void check_wait(uint32_t vm)
{
	uint32_t gate = syncobj_create(), timeline = syncobj_create();
	struct drm_panthor_sync_op wait = { .flags = DRM_PANTHOR_SYNC_OP_WAIT, .handle = gate };
	struct drm_panthor_sync_op signal = {
		.flags = DRM_PANTHOR_SYNC_OP_SIGNAL |
			DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_TIMELINE_SYNCOBJ,
		.handle = timeline,
		.timeline_value = 7,
	};
	struct drm_panthor_vm_bind_op ops[] = {
		{ .flags = UNMAP,
			.va = BASE,
			.size = 96 * MIB,
			.syncs = DRM_PANTHOR_OBJ_ARRAY(1, &wait) },
		{ .flags = SPARSE, .va = 2 * BASE, .size = GIB },
		{ .flags = DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY,
			.syncs = DRM_PANTHOR_OBJ_ARRAY(1, &signal) },
	};

	check(submit(vm, ops, 3) == EINVAL && mapped_is(BASE, 96 * MIB),
		"a wait for a syncobj without a fence is refused, and no op is executed");
	syncobj_signal(gate);
	check(!submit(vm, ops, 3) && !syncobj_wait(timeline, 7) && mapped_is(2 * BASE, GIB),
		"three ops wait for a syncobj, and the last signals a timeline point");
	syncobj_destroy(gate);
	syncobj_destroy(timeline);
}

static void check_failure(uint32_t vm)
{
	struct drm_panthor_vm_bind_op ops[] = {
		{ .flags = UNMAP, .va = 2 * BASE, .size = GIB },
		{ .flags = DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE, .va = BASE, .size = 2 * MIB },
	};

	check(submit(vm, ops, 2) == EINVAL && mapped_is(2 * BASE, GIB),
		"an invalid op fails at submission, and the valid op before it is not executed");
	check(vm_usable(vm), "the VM is usable after that");
}

void test_async(void)
{
	uint32_t vm = vm_create();

	check_signal(vm);
	check_wait(vm);
	check_failure(vm);
	vm_destroy(vm);
}
