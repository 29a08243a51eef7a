// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "gpu.h"

/* The accepted and the refused ops, and their errors. */

#define BASE GIB
#define BO_SIZE (4 * MIB)

static const struct attempt {
	const char *name;
	int err;
	uint32_t flags;
	bool with_bo;
	uint64_t offset, va, size;
} attempts[] = {
	{ "sparse", 0, SPARSE, false, 0, BASE, 2 * MIB },
	{ "sparse, a page", 0, SPARSE, false, 0, BASE, 4 * KIB },
	{ "sparse, aligned to pages only", 0, SPARSE, false, 0, BASE + 4 * KIB, 12 * KIB },
	{ "sparse, nothing", 0, SPARSE, false, 0, BASE, 0 },
	{ "sparse at address 0", 0, SPARSE, false, 0, 0, 2 * MIB },
	{ "sparse up to the end", 0, SPARSE, false, 0, USER_VA_RANGE - 2 * MIB, 2 * MIB },
	{ "sparse and read-only", 0, SPARSE | DRM_PANTHOR_VM_BIND_OP_MAP_READONLY, false, 0, BASE,
		2 * MIB },
	{ "sparse and uncached", 0, SPARSE | DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED, false, 0, BASE,
		2 * MIB },
	{ "sparse past the end", EINVAL, SPARSE, false, 0, USER_VA_RANGE - 2 * MIB, 4 * MIB },
	{ "sparse and executable", EINVAL, DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE, false, 0, BASE,
		2 * MIB },
	{ "sparse with a BO", EINVAL, SPARSE, true, 0, BASE, 2 * MIB },
	{ "sparse with an offset", EINVAL, SPARSE, false, 4 * KIB, BASE, 2 * MIB },
	{ "sparse at half a page", EINVAL, SPARSE, false, 0, BASE + 2 * KIB, 2 * MIB },
	{ "sparse of half a page", EINVAL, SPARSE, false, 0, BASE, 2 * KIB },
	{ "sparse with an unknown flag", EINVAL, SPARSE | 1 << 4, false, 0, BASE, 2 * MIB },
	{ "map past the BO's end", EINVAL, NOEXEC, true, 0, BASE, 2 * BO_SIZE },
	{ "unmap", 0, UNMAP, false, 0, BASE, 2 * MIB },
	{ "unmap an unmapped range", 0, UNMAP, false, 0, BASE, 2 * MIB },
	{ "unmap and sparse", EINVAL, UNMAP | DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE, false, 0, BASE,
		2 * MIB },
	{ "unmap with a BO", EINVAL, UNMAP, true, 0, BASE, 2 * MIB },
};

static const char *name_of(int err)
{
	return err ? strerror(err) : "accepted";
}

static void check_batch(uint32_t vm)
{
	struct drm_panthor_vm_bind_op ops[] = {
		{ .flags = SPARSE, .va = BASE, .size = 2 * MIB },
		{ .flags = DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE, .va = BASE, .size = 2 * MIB },
		{ .flags = SPARSE, .va = BASE, .size = 2 * MIB },
	};
	uint32_t failed;
	int err = vm_bind(vm, 0, ops, 3, &failed);

	check(err == EINVAL && failed == 1, "the second of three ops is invalid: %s, index %u",
		name_of(err), failed);
}

static void check_synchronous_sync(uint32_t vm)
{
	uint32_t syncobj = syncobj_create();
	struct drm_panthor_sync_op signal = {
		.flags = DRM_PANTHOR_SYNC_OP_SIGNAL,
		.handle = syncobj,
	};
	int err = vm_bind_one(vm,
		(struct drm_panthor_vm_bind_op){
			.flags = SPARSE,
			.va = BASE,
			.size = 2 * MIB,
			.syncs = DRM_PANTHOR_OBJ_ARRAY(1, &signal),
		});

	check(err == EINVAL, "a synchronous op that signals: %s", name_of(err));
	syncobj_destroy(syncobj);
}

void test_errors(void)
{
	uint32_t vm = vm_create(), bo = bo_create(BO_SIZE);

	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		const struct attempt *a = &attempts[i];
		int err = vm_bind_one(vm,
			(struct drm_panthor_vm_bind_op){
				.flags = a->flags,
				.bo_handle = a->with_bo ? bo : 0,
				.bo_offset = a->offset,
				.va = a->va,
				.size = a->size,
			});

		check(err == a->err, "%s: %s", a->name, name_of(err));
	}
	check_batch(vm);
	check_synchronous_sync(vm);
	check(vm_usable(vm), "the VM is usable after the failed ops");
	bo_close(bo);
	vm_destroy(vm);
}
