/* SPDX-License-Identifier: MIT */
/*
 * The ioctls of the simulated panthor for VMs and BOs. The expected results come from the driver of
 * Linux 7.3 or from its source.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios.h"
#include "sim.h"
#include "uapi/panthor.h"

#define K UINT64_C(1024)
#define M (K * K)
#define G (K * M)
#define T (K * G)

#define MAP DRM_PANTHOR_VM_BIND_OP_TYPE_MAP
#define UNMAP DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP
#define SYNC_ONLY DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY
#define RO DRM_PANTHOR_VM_BIND_OP_MAP_READONLY
#define NX DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC
#define UC DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED
#define SP DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE

/* A simulated kernel with an open file and two VMs of 47 bits. */
struct machine {
	struct vmb_sim *sim;
	struct vmb_sim_file *file;
	uint32_t vm;
	uint32_t other_vm;
	uint32_t bo; /* 4 MiB */
	uint32_t exclusive; /* 4 MiB, exclusive to vm */
	uint32_t foreign; /* 4 MiB, exclusive to other_vm */
};

static int call(const struct machine *machine, unsigned long request, void *argument)
{
	return vmb_sim_ioctl(machine->file, 3, request, argument);
}

static uint32_t create_vm(const struct machine *machine, uint64_t range)
{
	struct drm_panthor_vm_create args = { .user_va_range = range };
	assert_int_equal(call(machine, DRM_IOCTL_PANTHOR_VM_CREATE, &args), 0);
	return args.id;
}

static uint32_t create_bo(const struct machine *machine, uint64_t size, uint32_t vm)
{
	struct drm_panthor_bo_create args = { .size = size, .exclusive_vm_id = vm };
	assert_int_equal(call(machine, DRM_IOCTL_PANTHOR_BO_CREATE, &args), 0);
	return args.handle;
}

static int close_bo(const struct machine *machine, uint32_t handle)
{
	struct drm_gem_close args = { .handle = handle };
	return call(machine, DRM_IOCTL_GEM_CLOSE, &args);
}

static void start_with(struct machine *machine, unsigned minor, const char *faults)
{
	struct vmb_sim_config config = { .minor = minor, .faults = faults, .stream = -1 };
	*machine = (struct machine){ 0 };
	assert_int_equal(vmb_sim_create(&config, &machine->sim), 0);
	machine->file = vmb_sim_open(machine->sim);
	machine->vm = create_vm(machine, UINT64_C(1) << 47);
	machine->other_vm = create_vm(machine, UINT64_C(1) << 47);
	machine->bo = create_bo(machine, 4 * M, 0);
	machine->exclusive = create_bo(machine, 4 * M, machine->vm);
	machine->foreign = create_bo(machine, 4 * M, machine->other_vm);
}

static void start(struct machine *machine, unsigned minor)
{
	start_with(machine, minor, NULL);
}

static void stop(struct machine *machine)
{
	vmb_sim_destroy(machine->sim);
}

static int bind(const struct machine *machine, uint32_t flags, struct drm_panthor_vm_bind_op *ops,
	uint32_t count, uint32_t *count_after)
{
	struct drm_panthor_vm_bind args = {
		.vm_id = machine->vm,
		.flags = flags,
		.ops = DRM_PANTHOR_OBJ_ARRAY(count, ops),
	};
	int result = call(machine, DRM_IOCTL_PANTHOR_VM_BIND, &args);
	if (count_after) {
		*count_after = args.ops.count;
	}
	return result;
}

/* The BOs of a machine. UNKNOWN is a handle without a BO. */
enum bo_index {
	NONE,
	BO,
	EXCLUSIVE,
	FOREIGN,
	UNKNOWN,
};

static uint32_t handle_of(const struct machine *machine, enum bo_index bo)
{
	const uint32_t handles[] = { 0, machine->bo, machine->exclusive, machine->foreign, 99 };
	return handles[bo];
}

/* An op on panthor 1.minor, with its results in a synchronous and an asynchronous call. */
struct scenario {
	const char *name;
	unsigned minor;
	uint32_t flags;
	enum bo_index bo;
	uint64_t offset;
	uint64_t va;
	uint64_t size;
	int result;
	int async_result;
};

#define TOP (UINT64_C(1) << 47)

/* clang-format off */
static const struct scenario scenarios[] = {
	{ "map", 9, MAP, BO, 0, G, 4 * M, 0, 0 },
	{ "map, every flag", 9, MAP | RO | NX | UC, BO, 0, G, 4 * M, 0, 0 },
	{ "map of a part", 9, MAP, BO, 1 * M, G, 3 * M, 0, 0 },
	{ "map of a VM's own BO", 9, MAP, EXCLUSIVE, 0, G, 4 * M, 0, 0 },
	{ "map of another VM's BO", 9, MAP, FOREIGN, 0, G, 4 * M, -EINVAL, -EINVAL },
	{ "map at 0", 9, MAP, BO, 0, 0, 4 * M, 0, 0 },
	{ "map without a BO", 9, MAP | NX, NONE, 0, G, 2 * M, -EINVAL, -EINVAL },
	{ "map of an unknown BO", 9, MAP | NX, UNKNOWN, 0, G, 2 * M, -EINVAL, -EINVAL },
	{ "map beyond the BO", 9, MAP | NX, BO, 0, G, 8 * M, -EINVAL, -EINVAL },
	{ "map from an offset beyond the BO", 9, MAP | NX, BO, 2 * M, G, 4 * M, -EINVAL, -EINVAL },
	{ "map, offset and size wrap", 9, MAP | NX, BO, UINT64_MAX - M + 1, G, 2 * M, -EINVAL, -EINVAL },
	{ "map, unknown flag", 9, MAP | NX | 1 << 4, BO, 0, G, 2 * M, -EINVAL, -EINVAL },
	{ "map, unaligned offset", 9, MAP | NX, BO, 0x800, G, 2 * M, -EINVAL, -EINVAL },
	{ "map of size 0", 9, MAP, BO, 0, G, 0, 0, 0 },
	{ "sparse", 9, MAP | NX | SP, NONE, 0, G, 2 * M, 0, 0 },
	{ "sparse, a page", 9, MAP | NX | SP, NONE, 0, G, 4 * K, 0, 0 },
	{ "sparse, three pages off 2 MiB", 9, MAP | NX | SP, NONE, 0, G + 4 * K, 12 * K, 0, 0 },
	{ "sparse, readonly", 9, MAP | NX | SP | RO, NONE, 0, G, 2 * M, 0, 0 },
	{ "sparse, uncached", 9, MAP | NX | SP | UC, NONE, 0, G, 2 * M, 0, 0 },
	{ "sparse at 0", 9, MAP | NX | SP, NONE, 0, 0, 2 * M, 0, 0 },
	{ "sparse on panthor 1.8", 8, MAP | NX | SP, NONE, 0, G, 2 * M, -EINVAL, -EINVAL },
	{ "sparse, a BO, on panthor 1.8", 8, MAP | NX | SP, BO, 0, G, 2 * M, -EINVAL, -EINVAL },
	{ "sparse, executable", 9, MAP | SP, NONE, 0, G, 2 * M, -EINVAL, -EINVAL },
	{ "sparse with a BO", 9, MAP | NX | SP, BO, 0, G, 2 * M, -EINVAL, -EINVAL },
	{ "sparse with an offset", 9, MAP | NX | SP, NONE, 4 * K, G, 2 * M, -EINVAL, -EINVAL },
	{ "sparse, unaligned address", 9, MAP | NX | SP, NONE, 0, G + 0x800, 2 * M, -EINVAL, -EINVAL },
	{ "sparse, unaligned size", 9, MAP | NX | SP, NONE, 0, G, 2 * M + 0x800, -EINVAL, -EINVAL },
	{ "sparse up to the end", 9, MAP | NX | SP, NONE, 0, TOP - 2 * M, 2 * M, 0, 0 },
	{ "sparse past the end", 9, MAP | NX | SP, NONE, 0, TOP - 2 * M, 4 * M, -EINVAL, -EINVAL },
	{ "sparse at the end", 9, MAP | NX | SP, NONE, 0, TOP, 2 * M, -EINVAL, -EINVAL },
	{ "sparse that wraps", 9, MAP | NX | SP, NONE, 0, G, UINT64_MAX - 4 * K + 1, -EINVAL, -EINVAL },
	{ "sparse, 1022 GiB", 9, MAP | NX | SP, NONE, 0, T, 1022 * G, 0, 0 },
	{ "sparse, 1022 GiB and 2 MiB", 9, MAP | NX | SP, NONE, 0, T, 1022 * G + 2 * M, -ENOMEM, -ENOMEM },
	{ "sparse, 4 TiB", 9, MAP | NX | SP, NONE, 0, T, 4 * T, -ENOMEM, -ENOMEM },
	{ "size 0 at the end", 9, MAP | NX | SP, NONE, 0, TOP, 0, 0, -EINVAL },
	{ "unmap", 9, UNMAP, NONE, 0, G, 2 * M, 0, 0 },
	{ "unmap of 4 TiB", 9, UNMAP, NONE, 0, G, 4 * T, 0, 0 },
	{ "unmap with a BO", 9, UNMAP, BO, 0, G, 2 * M, -EINVAL, -EINVAL },
	{ "unmap with an offset", 9, UNMAP, NONE, 4 * K, G, 2 * M, -EINVAL, -EINVAL },
	{ "unmap, sparse", 9, UNMAP | SP, NONE, 0, G, 2 * M, -EINVAL, -EINVAL },
	{ "unmap past the end", 9, UNMAP, NONE, 0, TOP - 2 * M, 4 * M, -EINVAL, -EINVAL },
	{ "sync only, no syncs", 9, SYNC_ONLY, NONE, 0, 0, 0, 0, -EINVAL },
	{ "sync only with a range", 9, SYNC_ONLY, NONE, 0, G, 2 * M, -EINVAL, -EINVAL },
	{ "unknown type", 9, UINT32_C(3) << 28, NONE, 0, G, 2 * M, -EINVAL, -EINVAL },
	{ "unknown type, size 0", 9, UINT32_C(3) << 28, NONE, 0, G, 0, 0, -EINVAL },
};
/* clang-format on */

static void check_op(void **state)
{
	const struct scenario *scenario = *state;
	struct machine machine;
	start(&machine, scenario->minor);
	struct drm_panthor_vm_bind_op op = {
		.flags = scenario->flags,
		.bo_handle = handle_of(&machine, scenario->bo),
		.bo_offset = scenario->offset,
		.va = scenario->va,
		.size = scenario->size,
	};
	assert_int_equal(bind(&machine, 0, &op, 1, NULL), scenario->result);

	/* A successful map adds a mapping, a failed op does not. */
	struct vmb_sim_va *vas;
	size_t count;
	bool mapped = scenario->result == 0 && scenario->size &&
		(scenario->flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK) == MAP;
	assert_int_equal(vmb_sim_vm_map(machine.file, machine.vm, false, &vas, &count), 0);
	assert_int_equal(count, mapped);
	if (mapped) {
		assert_int_equal(vas[0].va, scenario->va);
		assert_int_equal(vas[0].size, scenario->size);
		assert_int_equal(vas[0].flags, scenario->flags);
		assert_int_equal(vas[0].sparse, scenario->bo == NONE);
		assert_int_equal(vas[0].bo, op.bo_handle);
		assert_int_equal(vas[0].offset, scenario->offset);
	}
	free(vas);

	assert_int_equal(
		bind(&machine, DRM_PANTHOR_VM_BIND_ASYNC, &op, 1, NULL), scenario->async_result);
	stop(&machine);
}

static size_t count_mappings(const struct machine *machine, bool merged)
{
	struct vmb_sim_va *vas;
	size_t count;
	assert_int_equal(vmb_sim_vm_map(machine->file, machine->vm, merged, &vas, &count), 0);
	free(vas);
	return count;
}

static void failing_sync_batch(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine, 9);
	struct drm_panthor_vm_bind_op ops[] = {
		{ .flags = MAP | NX | SP, .va = G, .size = 2 * M },
		{ .flags = MAP | SP, .va = 2 * G, .size = 2 * M },
		{ .flags = MAP | NX | SP, .va = 3 * G, .size = 2 * M },
	};
	uint32_t count;
	assert_int_equal(bind(&machine, 0, ops, 3, &count), -EINVAL);
	assert_int_equal(count, 1);
	assert_int_equal(count_mappings(&machine, false), 1);

	/* An asynchronous call runs all ops or none. */
	ops[0].va = 4 * G;
	assert_int_equal(bind(&machine, DRM_PANTHOR_VM_BIND_ASYNC, ops, 3, &count), -EINVAL);
	assert_int_equal(count, 3);
	assert_int_equal(count_mappings(&machine, false), 1);
	stop(&machine);
}

static void many_ops(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine, 9);
	assert_int_equal(bind(&machine, 0, NULL, 0, NULL), 0);
	assert_int_equal(bind(&machine, DRM_PANTHOR_VM_BIND_ASYNC, NULL, 0, NULL), 0);

	struct drm_panthor_vm_bind_op ops[4];
	for (uint64_t i = 0; i < 4; i++) {
		ops[i] = (struct drm_panthor_vm_bind_op){
			.flags = MAP | NX | SP, .va = T + i * 256 * G, .size = 256 * G
		};
	}
	assert_int_equal(bind(&machine, 0, ops, 4, NULL), 0);
	assert_int_equal(count_mappings(&machine, false), 4);
	assert_int_equal(count_mappings(&machine, true), 1);
	/* More ops than the kernel can copy. */
	assert_int_equal(bind(&machine, 0, ops, 44739243, NULL), -ENOMEM);
	stop(&machine);
}

/* An op of a later driver version. */
struct longer_op {
	struct drm_panthor_vm_bind_op op;
	uint64_t later;
};

static void strides(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine, 9);
	struct longer_op ops[2] = {
		{ .op = { .flags = MAP | NX | SP, .va = G, .size = 2 * M } },
		{ .op = { .flags = MAP | NX | SP, .va = 2 * G, .size = 2 * M } },
	};
	struct drm_panthor_vm_bind args = {
		.vm_id = machine.vm,
		.ops = { .stride = sizeof(ops[0]), .count = 2, .array = (uintptr_t)ops },
	};
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_VM_BIND, &args), 0);
	assert_int_equal(count_mappings(&machine, false), 2);
	ops[1].later = 1;
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_VM_BIND, &args), -E2BIG);
	args.ops.stride = sizeof(ops[0].op) - 8;
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_VM_BIND, &args), -EINVAL);
	args.vm_id = 9;
	args.ops.stride = sizeof(ops[0]);
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_VM_BIND, &args), -EINVAL);
	stop(&machine);
}

static void mapping_outlives_handle(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine, 9);
	struct drm_panthor_vm_bind_op op = {
		.flags = MAP, .bo_handle = machine.bo, .va = G, .size = 4 * M
	};
	assert_int_equal(bind(&machine, 0, &op, 1, NULL), 0);
	assert_int_equal(close_bo(&machine, machine.bo), 0);
	assert_int_equal(close_bo(&machine, machine.bo), -EINVAL);
	/* A new BO gets the lowest free handle. */
	assert_int_equal(create_bo(&machine, 1, 0), machine.bo);

	struct vmb_sim_va *vas;
	size_t count;
	assert_int_equal(vmb_sim_vm_map(machine.file, machine.vm, false, &vas, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(vas[0].bo, 0);
	assert_int_equal(vas[0].bo_id, 1);
	free(vas);
	stop(&machine);
}

static void vms(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine, 9);
	const struct {
		uint64_t requested;
		uint64_t returned;
		int result;
	} ranges[] = {
		{ 0, UINT64_C(1) << 47, 0 },
		{ UINT64_C(1) << 32, UINT64_C(1) << 47, 0 },
		{ (UINT64_C(1) << 47) + 1, (UINT64_C(1) << 47) + (UINT64_C(1) << 46), 0 },
		{ (UINT64_C(1) << 48) - 256 * M, (UINT64_C(1) << 48) - 256 * M, 0 },
		{ (UINT64_C(1) << 48) - 256 * M + 1, 0, -EINVAL },
	};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct drm_panthor_vm_create args = { .user_va_range = ranges[i].requested };
		assert_int_equal(
			call(&machine, DRM_IOCTL_PANTHOR_VM_CREATE, &args), ranges[i].result);
		if (ranges[i].result == 0) {
			assert_int_equal(args.user_va_range, ranges[i].returned);
		}
	}
	struct drm_panthor_vm_create flags = { .flags = 1 };
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_VM_CREATE, &flags), -EINVAL);

	struct drm_panthor_vm_destroy destroy = { .id = machine.vm };
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_VM_DESTROY, &destroy), 0);
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_VM_DESTROY, &destroy), -EINVAL);
	assert_int_equal(create_vm(&machine, 0), machine.vm);
	/* A file can have 32 VMs. */
	struct drm_panthor_vm_create args = { 0 };
	for (int i = 6; i < 32; i++) {
		args.user_va_range = 0;
		assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_VM_CREATE, &args), 0);
	}
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_VM_CREATE, &args), -EBUSY);
	stop(&machine);
}

static void separate_files(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine, 9);
	struct machine other = machine;
	other.file = vmb_sim_open(machine.sim);
	struct drm_panthor_vm_bind_op op = { .flags = MAP | NX | SP, .va = G, .size = 2 * M };
	assert_int_equal(bind(&other, 0, &op, 1, NULL), -EINVAL);
	assert_int_equal(close_bo(&other, machine.bo), -EINVAL);
	assert_int_equal(create_bo(&other, 4096, 0), 1);
	assert_int_equal(create_vm(&other, 0), 1);
	vmb_sim_close(other.file);
	stop(&machine);
}

static void shared_bos(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine, 9);
	struct machine other = machine;
	other.file = vmb_sim_open(machine.sim);
	struct drm_prime_handle args = { .handle = machine.exclusive };
	assert_int_equal(call(&machine, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args), -EINVAL);
	args.handle = machine.bo;
	assert_int_equal(call(&machine, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args), 0);
	args.handle = 0;
	assert_int_equal(call(&other, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args), 0);
	uint32_t imported = args.handle;
	assert_int_not_equal(imported, 0);
	/* A second import returns the same handle. */
	assert_int_equal(call(&other, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args), 0);
	assert_int_equal(args.handle, imported);
	close(args.fd);

	other.vm = create_vm(&other, 0);
	struct drm_panthor_vm_bind_op op = {
		.flags = MAP, .bo_handle = imported, .va = G, .size = 4 * M
	};
	assert_int_equal(bind(&other, 0, &op, 1, NULL), 0);
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	args.fd = pipes[0];
	assert_int_equal(call(&other, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args), -EINVAL);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(call(&other, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args), -EBADF);
	vmb_sim_close(other.file);
	stop(&machine);
}

static void bo_memory(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine, 9);
	struct drm_panthor_bo_mmap_offset args = { .handle = machine.bo };
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET, &args), 0);
	int memfd;
	assert_int_equal(vmb_sim_mmap(machine.file, args.offset, 4 * M, &memfd), 0);
	assert_int_equal(lseek(memfd, 0, SEEK_END), 4 * M);
	assert_int_equal(vmb_sim_mmap(machine.file, args.offset, 4 * M + 1, &memfd), -EINVAL);
	assert_int_equal(vmb_sim_mmap(machine.file, args.offset + 4096, 4096, &memfd), -EINVAL);

	struct drm_panthor_bo_create create = { .size = 1, .flags = DRM_PANTHOR_BO_NO_MMAP };
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_BO_CREATE, &create), 0);
	assert_int_equal(create.size, 4096);
	args.handle = create.handle;
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET, &args), -EPERM);
	create.size = 0;
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_BO_CREATE, &create), -EINVAL);
	stop(&machine);
}

static void versions(void **state)
{
	(void)state;
	for (unsigned minor = 0; minor <= 9; minor++) {
		struct machine machine;
		start(&machine, minor);
		char name[8] = "";
		struct drm_version version = { .name_len = sizeof(name), .name = name };
		assert_int_equal(call(&machine, DRM_IOCTL_VERSION, &version), 0);
		assert_int_equal(version.version_major, 1);
		assert_int_equal(version.version_minor, minor);
		assert_int_equal(version.name_len, 7);
		assert_string_equal(name, "panthor");

		struct drm_panthor_mmu_info mmu = { 0 };
		struct drm_panthor_dev_query query = {
			.type = DRM_PANTHOR_DEV_QUERY_MMU_INFO,
			.size = sizeof(mmu),
			.pointer = (uintptr_t)&mmu,
		};
		assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_DEV_QUERY, &query),
			minor >= 9 ? 0 : -EINVAL);
		assert_int_equal(mmu.page_size_bitmap, minor >= 9 ? 0x201000 : 0);

		struct drm_panthor_bo_set_label label = { .handle = machine.bo };
		assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_BO_SET_LABEL, &label),
			minor >= 4 ? 0 : -EINVAL);
		struct drm_panthor_bo_query_info info = { .handle = machine.bo };
		assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_BO_QUERY_INFO, &info),
			minor >= 7 ? 0 : -EINVAL);
		struct drm_panthor_bo_create cached = { .size = 1,
			.flags = DRM_PANTHOR_BO_WB_MMAP };
		assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_BO_CREATE, &cached),
			minor >= 7 ? 0 : -EINVAL);
		stop(&machine);
	}
}

static void unknown_requests(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine, 9);
	uint64_t argument[16] = { 0 };
	assert_int_equal(call(&machine, _IOWR('d', 0x51, uint64_t), argument), -EINVAL);
	assert_int_equal(call(&machine, _IOWR('x', 0x43, uint64_t), argument), -ENOTTY);
	assert_int_equal(call(&machine, _IOWR('d', 0x01, uint64_t), argument), -ENOSYS);
	stop(&machine);
}

static void faults(void **state)
{
	(void)state;
	struct machine machine;
	start_with(&machine, 9, "vm_bind:2:EINTR,bo_create:4:ENOMEM,vm_bind_op:4:ENOSPC");
	struct drm_panthor_bo_create create = { .size = 1 };
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_BO_CREATE, &create), -ENOMEM);
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_BO_CREATE, &create), 0);

	struct drm_panthor_vm_bind_op ops[] = {
		{ .flags = MAP | NX | SP, .va = G, .size = 2 * M },
		{ .flags = MAP | NX | SP, .va = 2 * G, .size = 2 * M },
	};
	uint32_t count;
	assert_int_equal(bind(&machine, 0, ops, 2, &count), 0);
	assert_int_equal(bind(&machine, 0, ops, 2, &count), -EINTR);
	assert_int_equal(count, 2);
	assert_int_equal(bind(&machine, 0, ops, 2, &count), -ENOSPC);
	assert_int_equal(count, 1);
	assert_int_equal(bind(&machine, 0, ops, 2, &count), 0);
	stop(&machine);

	const char *const bad[] = {
		"vm_bind",
		"vm_bind:0:EINTR",
		"vm_bind:1:NOTHING",
		"vm_bind:1:EINTR;",
		",",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vmb_sim_config config = { .minor = 9, .faults = bad[i], .stream = -1 };
		assert_int_equal(vmb_sim_create(&config, &machine.sim), -EINVAL);
	}
}

int main(void)
{
	const struct scenario_table table = SCENARIO_TABLE(scenarios);
	const struct CMUnitTest each = cmocka_unit_test(check_op);
	const struct CMUnitTest others[] = {
		cmocka_unit_test(failing_sync_batch),
		cmocka_unit_test(many_ops),
		cmocka_unit_test(strides),
		cmocka_unit_test(mapping_outlives_handle),
		cmocka_unit_test(vms),
		cmocka_unit_test(separate_files),
		cmocka_unit_test(shared_bos),
		cmocka_unit_test(bo_memory),
		cmocka_unit_test(versions),
		cmocka_unit_test(unknown_requests),
		cmocka_unit_test(faults),
	};
	return run_scenarios(
		"sim panthor", &table, &each, others, sizeof(others) / sizeof(others[0]));
}
