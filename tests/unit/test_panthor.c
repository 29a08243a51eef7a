/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "backend/panthor/send.h"
#include "backend/panthor/translator.h"

/*
 * Tests of the panthor translator. A recorder replaces the kernel. The random test compares the
 * driver's ops with the recorded ops page by page. Both must give the same mappings, with a page of
 * null memory equal to a sparse page.
 */

#define FD 5
#define VM 3
#define NULL_MEMORY 7
#define BLACKHOLE 8
#define BO 9
#define FALLBACK_BO 10
#define PAGE UINT64_C(4096)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define MAP DRM_PANTHOR_VM_BIND_OP_TYPE_MAP
#define UNMAP DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP
#define SYNC_ONLY DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY
#define NOEXEC DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC
#define SPARSE (DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE | NOEXEC)
#define ASYNC DRM_PANTHOR_VM_BIND_ASYNC

#define MAX_OPS 70000
#define MAX_SYNCS 8

/* An op that the kernel executed. A failed synchronous VM_BIND executes the ops before the failing
 * op. A failed asynchronous VM_BIND executes no op. */
struct recorded {
	struct drm_panthor_vm_bind_op op;
	struct drm_panthor_sync_op syncs[MAX_SYNCS];
	unsigned ioctl;
};

static struct {
	struct recorded *ops;
	size_t count;
	unsigned ioctls;
	uint32_t flags;
	/* The argument of the last ioctl of any kind. */
	void *arg;
	unsigned long request;
	/* The number of next VM_BINDs and BO_CREATEs that fail with error. */
	unsigned failures;
	int error;
	/* Larger maps fail with ENOMEM, unless 0. */
	uint64_t max_size;
	/* Maps of the byte below this address fail with ENOMEM, unless 0. */
	uint64_t enomem_end;
	/* VM_BINDs of more ops fail with ENOMEM, unless 0. */
	uint32_t max_ops;
	/* VM_BINDs return 0 and are not recorded. */
	bool ignores_binds;
	uint32_t next_handle;
	uint64_t created_size;
} kernel;

static int refuse(int error)
{
	errno = error;
	return -1;
}

static void record_op(const struct drm_panthor_vm_bind_op *op)
{
	assert_true(kernel.count < MAX_OPS);
	assert_true(op->syncs.count <= MAX_SYNCS);
	struct recorded *recorded = &kernel.ops[kernel.count++];
	recorded->op = *op;
	recorded->ioctl = kernel.ioctls;
	if (op->syncs.count) {
		memcpy(recorded->syncs, (const void *)(uintptr_t)op->syncs.array,
			op->syncs.count * sizeof(recorded->syncs[0]));
	}
}

static bool is_refused(const struct drm_panthor_vm_bind_op *op)
{
	bool reaches_end = kernel.enomem_end && op->va < kernel.enomem_end &&
		op->va + op->size >= kernel.enomem_end;

	return (op->flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK) == MAP &&
		(reaches_end || (kernel.max_size && op->size > kernel.max_size));
}

static int record_bind(struct drm_panthor_vm_bind *bind)
{
	const struct drm_panthor_vm_bind_op *ops =
		(const struct drm_panthor_vm_bind_op *)(uintptr_t)bind->ops.array;

	kernel.ioctls++;
	kernel.flags = bind->flags;
	assert_int_equal(bind->vm_id, VM);
	assert_int_equal(bind->ops.stride, sizeof(*ops));
	if (kernel.failures) {
		kernel.failures--;
		/* The kernel does the same for an interrupted VM_BIND. */
		bind->ops.count = 0;
		return refuse(kernel.error);
	}
	if (kernel.max_ops && bind->ops.count > kernel.max_ops) {
		bind->ops.count = bind->flags == ASYNC ? bind->ops.count : 0;
		return refuse(ENOMEM);
	}
	uint32_t refused = 0;
	while (refused < bind->ops.count && !is_refused(&ops[refused])) {
		refused++;
	}
	bool is_done = refused == bind->ops.count;
	for (uint32_t i = 0; i < refused && (is_done || bind->flags != ASYNC); i++) {
		record_op(&ops[i]);
	}
	if (is_done) {
		return 0;
	}
	if (bind->flags != ASYNC) {
		bind->ops.count = refused;
	}
	return refuse(ENOMEM);
}

static int kernel_ioctl(int fd, unsigned long request, ...)
{
	va_list list;

	va_start(list, request);
	kernel.arg = va_arg(list, void *);
	va_end(list);
	kernel.request = request;
	assert_int_equal(fd, FD);
	if (request == DRM_IOCTL_PANTHOR_VM_BIND && !kernel.ignores_binds) {
		return record_bind(kernel.arg);
	}
	if (request == DRM_IOCTL_PANTHOR_BO_CREATE) {
		struct drm_panthor_bo_create *create = kernel.arg;
		if (kernel.failures) {
			kernel.failures--;
			return refuse(kernel.error);
		}
		kernel.created_size = create->size;
		create->handle = kernel.next_handle;
	}
	return 0;
}

static struct vmb_intercept *intercept;
static struct vmb_panthor *panthor; /* the state of intercept */

static int set_up(void **state)
{
	struct recorded *ops = kernel.ops ? kernel.ops : calloc(MAX_OPS, sizeof(*ops));

	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	kernel.ops = ops;
	if (!intercept) {
		intercept = calloc(1, sizeof(*intercept) + vmb_panthor_translator.state_size);
	}
	if (!ops || !intercept) {
		return -1;
	}
	atomic_store(&intercept->fd, FD);
	intercept->translator = &vmb_panthor_translator;
	panthor = vmb_intercept_state(intercept);
	*panthor = (struct vmb_panthor){
		.intercept = intercept,
		.ioctl = kernel_ioctl,
		.fd = FD,
		.vm = VM,
		.minor = 9,
		.null_memory = NULL_MEMORY,
		.blackhole = BLACKHOLE,
	};
	return 0;
}

static int call(struct vmb_panthor_call *driver_call, unsigned long request, void *arg)
{
	return vmb_panthor_translator.ioctl(
		panthor, driver_call ? &driver_call->base : NULL, kernel_ioctl, FD, request, arg);
}

static int bind_ops(struct vmb_panthor_call *driver_call, uint32_t flags,
	struct drm_panthor_vm_bind_op *ops, uint32_t count, uint32_t *failed)
{
	struct drm_panthor_vm_bind bind = {
		.vm_id = VM,
		.flags = flags,
		.ops = DRM_PANTHOR_OBJ_ARRAY(count, ops),
	};
	int ret = call(driver_call, DRM_IOCTL_PANTHOR_VM_BIND, &bind);

	if (ret == 0) {
		assert_int_equal(bind.ops.count, count);
		assert_int_equal(bind.ops.array, (uintptr_t)ops);
	} else if (failed) {
		*failed = bind.ops.count;
	}
	return ret;
}

static struct drm_panthor_vm_bind_op map(uint32_t bo, uint64_t offset, uint64_t va, uint64_t size)
{
	return (struct drm_panthor_vm_bind_op){
		.flags = MAP,
		.bo_handle = bo,
		.bo_offset = offset,
		.va = va,
		.size = size,
	};
}

static void give_syncs(
	struct drm_panthor_vm_bind_op *op, struct drm_panthor_sync_op *syncs, uint32_t count)
{
	op->syncs = (struct drm_panthor_obj_array)DRM_PANTHOR_OBJ_ARRAY(count, syncs);
}

static void assert_op(
	size_t index, uint32_t flags, uint32_t bo, uint64_t offset, uint64_t va, uint64_t size)
{
	const struct drm_panthor_vm_bind_op *op = &kernel.ops[index].op;

	assert_true(index < kernel.count);
	assert_int_equal(op->flags, flags);
	assert_int_equal(op->bo_handle, bo);
	assert_int_equal(op->bo_offset, offset);
	assert_int_equal(op->va, va);
	assert_int_equal(op->size, size);
}

static void test_null_memory_is_sparse(void **state)
{
	struct drm_panthor_vm_bind_op op = map(NULL_MEMORY, 33 * MIB, 6 * MIB, 33 * MIB);

	(void)state;
	assert_int_equal(bind_ops(NULL, ASYNC, &op, 1, NULL), 0);
	assert_int_equal(kernel.count, 1);
	assert_int_equal(kernel.flags, ASYNC);
	assert_op(0, MAP | SPARSE, 0, 0, 6 * MIB, 33 * MIB);
	/* The driver's array is unchanged. */
	assert_int_equal(op.bo_handle, NULL_MEMORY);
}

static void test_untouched(void **state)
{
	struct drm_panthor_vm_bind_op ops[] = {
		map(BO, 0, 0, PAGE),
		map(BO, 4 * PAGE, PAGE, PAGE),
		{ .flags = UNMAP, .va = 8 * PAGE, .size = PAGE, .bo_handle = NULL_MEMORY },
		{ .flags = SYNC_ONLY },
	};
	struct drm_panthor_vm_bind bind = {
		.vm_id = VM,
		.flags = ASYNC,
		.ops = DRM_PANTHOR_OBJ_ARRAY(4, ops),
	};

	(void)state;
	assert_int_equal(call(NULL, DRM_IOCTL_PANTHOR_VM_BIND, &bind), 0);
	assert_ptr_equal(kernel.arg, &bind);
	assert_int_equal(kernel.count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_memory_equal(&kernel.ops[i].op, &ops[i], sizeof(ops[i]));
	}
}

/* Arrays and structures of unknown sizes reach the kernel unchanged. */
static void test_other_sizes(void **state)
{
	static unsigned char ops[8][64];
	/* A later kernel may define a longer structure. */
	struct {
		struct drm_panthor_vm_bind bind;
		uint64_t more;
	} given = { .bind.vm_id = VM };
	const unsigned long known = DRM_IOCTL_PANTHOR_VM_BIND;
	const unsigned long longer = _IOWR(DRM_IOCTL_BASE, 0x43, given);
	const unsigned long shorter = _IOWR(DRM_IOCTL_BASE, 0x43, uint64_t);
	const struct {
		uint32_t stride;
		uint32_t count;
		bool has_array;
		unsigned long request;
	} cases[] = {
		{ 40, 2, true, known },
		{ 64, 8, true, known },
		{ 0, 4, true, known },
		{ 48, 0, true, known },
		{ 48, 5, false, known },
		{ 48, INT32_MAX / 48 + 1, true, known },
		{ 48, UINT32_MAX, true, known },
		{ 48, 1, true, longer },
		{ 48, UINT32_MAX, true, shorter },
	};

	(void)state;
	kernel.ignores_binds = true;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		const struct drm_panthor_vm_bind_op null_map = map(NULL_MEMORY, 0, i * PAGE, PAGE);
		memcpy(ops[i], &null_map, sizeof(null_map));
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		given.bind.ops = (struct drm_panthor_obj_array){
			.stride = cases[i].stride,
			.count = cases[i].count,
			.array = cases[i].has_array ? (uintptr_t)ops : 0,
		};
		given.more = i;
		const struct drm_panthor_vm_bind before = given.bind;
		assert_int_equal(call(NULL, cases[i].request, &given), 0);
		assert_ptr_equal(kernel.arg, &given);
		assert_int_equal(kernel.request, cases[i].request);
		assert_memory_equal(&given.bind, &before, sizeof(before));
		assert_int_equal(given.more, i);
	}

	/* A sparse creation does not defer such a VM_BIND. */
	struct vmb_panthor_call driver_call;
	vmb_panthor_call_begin(&driver_call, intercept, VMB_PANTHOR_CALL_CREATE_SPARSE);
	given.bind.ops = (struct drm_panthor_obj_array)DRM_PANTHOR_OBJ_ARRAY(
		1, (struct drm_panthor_vm_bind_op *)ops);
	kernel.arg = NULL;
	assert_int_equal(call(&driver_call, longer, &given), 0);
	assert_ptr_equal(kernel.arg, &given);
	assert_int_equal(vmb_driver_call_end(&driver_call.base), 0);
	assert_int_equal(kernel.ioctls, 0);
}

static struct drm_panthor_sync_op wait_for(uint32_t handle)
{
	return (struct drm_panthor_sync_op){ .handle = handle, .flags = DRM_PANTHOR_SYNC_OP_WAIT };
}

static struct drm_panthor_sync_op signal_to(uint32_t handle)
{
	return (struct drm_panthor_sync_op){
		.handle = handle,
		.flags = DRM_PANTHOR_SYNC_OP_SIGNAL,
	};
}

static void test_neighbours_merge(void **state)
{
	struct drm_panthor_sync_op waits[] = { wait_for(1), wait_for(2) };
	struct drm_panthor_sync_op signals[] = { signal_to(3) };
	struct drm_panthor_vm_bind_op ops[] = {
		map(NULL_MEMORY, 0, 0, PAGE),
		map(NULL_MEMORY, 0, PAGE, PAGE),
		map(NULL_MEMORY, 0, 2 * PAGE, 6 * PAGE),
	};

	(void)state;
	give_syncs(&ops[0], waits, 2);
	give_syncs(&ops[2], signals, 1);
	assert_int_equal(bind_ops(NULL, ASYNC, ops, 3, NULL), 0);
	assert_int_equal(kernel.count, 1);
	assert_op(0, MAP | SPARSE, 0, 0, 0, 8 * PAGE);
	assert_int_equal(kernel.ops[0].op.syncs.count, 3);
	assert_memory_equal(&kernel.ops[0].syncs[0], &waits[0], sizeof(waits[0]));
	assert_memory_equal(&kernel.ops[0].syncs[1], &waits[1], sizeof(waits[1]));
	assert_memory_equal(&kernel.ops[0].syncs[2], &signals[0], sizeof(signals[0]));
}

static void test_synchronization_parts(void **state)
{
	struct drm_panthor_sync_op wait = wait_for(1);
	struct drm_panthor_sync_op signal = signal_to(2);
	struct drm_panthor_vm_bind_op ops[] = {
		map(NULL_MEMORY, 0, 0, PAGE),
		map(NULL_MEMORY, 0, PAGE, PAGE),
		map(NULL_MEMORY, 0, 2 * PAGE, PAGE),
		map(NULL_MEMORY, 0, 3 * PAGE, PAGE),
	};

	(void)state;
	give_syncs(&ops[1], &signal, 1);
	give_syncs(&ops[3], &wait, 1);
	assert_int_equal(bind_ops(NULL, ASYNC, ops, 4, NULL), 0);
	assert_int_equal(kernel.count, 3);
	assert_op(0, MAP | SPARSE, 0, 0, 0, 2 * PAGE);
	assert_op(1, MAP | SPARSE, 0, 0, 2 * PAGE, PAGE);
	assert_op(2, MAP | SPARSE, 0, 0, 3 * PAGE, PAGE);
	assert_int_equal(kernel.ops[0].syncs[0].handle, 2);
	assert_int_equal(kernel.ops[1].op.syncs.count, 0);
	assert_int_equal(kernel.ops[2].syncs[0].handle, 1);
}

static void test_large(void **state)
{
	struct drm_panthor_sync_op syncs[] = { signal_to(4), wait_for(1), wait_for(2) };
	struct drm_panthor_vm_bind_op op = map(NULL_MEMORY, 0, GIB, 150 * GIB);

	(void)state;
	give_syncs(&op, syncs, 3);
	assert_int_equal(bind_ops(NULL, ASYNC, &op, 1, NULL), 0);
	assert_int_equal(kernel.count, 3);
	assert_int_equal(kernel.ioctls, 1);
	assert_op(0, MAP | SPARSE, 0, 0, GIB, 64 * GIB);
	assert_op(1, MAP | SPARSE, 0, 0, 65 * GIB, 64 * GIB);
	assert_op(2, MAP | SPARSE, 0, 0, 129 * GIB, 22 * GIB);
	assert_int_equal(kernel.ops[0].op.syncs.count, 2);
	assert_int_equal(kernel.ops[0].syncs[1].handle, 2);
	assert_int_equal(kernel.ops[1].op.syncs.count, 0);
	assert_int_equal(kernel.ops[2].op.syncs.count, 1);
	assert_int_equal(kernel.ops[2].syncs[0].handle, 4);
}

static void test_cyclic(void **state)
{
	struct drm_panthor_sync_op syncs[] = { wait_for(1), signal_to(2) };
	struct drm_panthor_vm_bind_op op = map(NULL_MEMORY, 0, 5 * MIB, 4 * MIB);

	(void)state;
	panthor->minor = 8;
	give_syncs(&op, syncs, 2);
	assert_int_equal(bind_ops(NULL, ASYNC, &op, 1, NULL), 0);
	assert_int_equal(kernel.count, 3);
	assert_int_equal(kernel.ioctls, 1);
	assert_op(0, MAP | NOEXEC, NULL_MEMORY, MIB, 5 * MIB, MIB);
	assert_op(1, MAP | NOEXEC, NULL_MEMORY, 0, 6 * MIB, 2 * MIB);
	assert_op(2, MAP | NOEXEC, NULL_MEMORY, 0, 8 * MIB, MIB);
	assert_int_equal(kernel.ops[0].syncs[0].handle, 1);
	assert_int_equal(kernel.ops[1].op.syncs.count, 0);
	assert_int_equal(kernel.ops[2].syncs[0].handle, 2);
}

static void test_smaller_ops(void **state)
{
	struct drm_panthor_vm_bind_op ops[] = {
		map(NULL_MEMORY, 0, 0, GIB),
		map(BO, 0, 2 * GIB, PAGE),
	};

	(void)state;
	kernel.max_size = 256 * MIB;
	assert_int_equal(bind_ops(NULL, 0, ops, 2, NULL), 0);
	assert_int_equal(kernel.count, 5);
	for (size_t i = 0; i < 4; i++) {
		assert_op(i, MAP | SPARSE, 0, 0, i * 256 * MIB, 256 * MIB);
	}
	assert_op(4, MAP, BO, 0, 2 * GIB, PAGE);
}

static void test_no_memory(void **state)
{
	struct drm_panthor_vm_bind_op ops[] = {
		map(BO, 0, 0, PAGE),
		map(NULL_MEMORY, 0, 2 * GIB, GIB),
	};
	uint32_t failed = 77;

	(void)state;
	kernel.max_size = PAGE;
	assert_int_equal(bind_ops(NULL, 0, ops, 2, &failed), -1);
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(failed, 1);
	kernel.max_size = 0;
	kernel.failures = 1;
	kernel.error = EINVAL;
	assert_int_equal(bind_ops(NULL, 0, ops, 2, &failed), -1);
	assert_int_equal(errno, EINVAL);
}

static int bind_sparse(bool async, uint64_t va, uint64_t size)
{
	const struct drm_panthor_vm_bind_op op = {
		.flags = MAP | SPARSE,
		.va = va,
		.size = size,
	};
	struct vmb_panthor_batch batch;
	uint64_t ioctls;

	vmb_panthor_batch_init(&batch);
	assert_int_equal(vmb_panthor_batch_append(&batch, &op, 0), 0);
	int ret = vmb_panthor_bind(panthor, &batch, async, &ioctls);
	vmb_panthor_batch_finish(&batch);
	return ret;
}

/* An asynchronous batch returns -ENOMEM if the kernel executed no op, and -EIO if the kernel
 * executed some ops. */
static void test_fails_partway(void **state)
{
	(void)state;
	kernel.max_size = PAGE;
	assert_int_equal(bind_sparse(true, 0, 8 * MIB), -ENOMEM);
	assert_int_equal(kernel.count, 0);
	kernel.max_size = 0;
	kernel.enomem_end = 8 * MIB;
	assert_int_equal(bind_sparse(true, 0, 8 * MIB), -EIO);
	assert_true(kernel.count > 0);
	/* A synchronous batch returns -ENOMEM even after executing some ops. */
	assert_int_equal(bind_sparse(false, 0, 8 * MIB), -ENOMEM);
}

#define MANY 2000

/* Makes maps of every second page. The first op waits, and the last op signals. */
static void make_many(struct drm_panthor_vm_bind_op *ops, struct drm_panthor_sync_op *syncs)
{
	syncs[0] = wait_for(1);
	syncs[1] = signal_to(2);
	for (uint64_t i = 0; i < MANY; i++) {
		ops[i] = map(BO, i * PAGE, 2 * i * PAGE, PAGE);
	}
	give_syncs(&ops[0], &syncs[0], 1);
	give_syncs(&ops[MANY - 1], &syncs[1], 1);
}

/* The kernel executed the first count ops once, in order and unchanged. */
static void assert_many(const struct drm_panthor_vm_bind_op *ops, size_t count)
{
	assert_int_equal(kernel.count, count);
	for (size_t i = 0; i < count; i++) {
		assert_memory_equal(&kernel.ops[i].op, &ops[i], sizeof(ops[i]));
	}
}

static int bind_many(const struct drm_panthor_vm_bind_op *ops)
{
	struct vmb_panthor_batch batch;
	unsigned before = kernel.ioctls;
	uint64_t ioctls;

	vmb_panthor_batch_init(&batch);
	for (uint32_t i = 0; i < MANY; i++) {
		assert_int_equal(vmb_panthor_batch_add(&batch, &ops[i], i), 0);
	}
	int ret = vmb_panthor_bind(panthor, &batch, true, &ioctls);
	vmb_panthor_batch_finish(&batch);
	assert_int_equal(ioctls, kernel.ioctls - before);
	return ret;
}

static void test_many_ops(void **state)
{
	static struct drm_panthor_vm_bind_op ops[MANY];
	struct drm_panthor_sync_op syncs[2];

	(void)state;
	make_many(ops, syncs);
	assert_int_equal(bind_many(ops), 0);
	assert_many(ops, MANY);
	assert_true(kernel.ioctls > 1 && kernel.ioctls <= 20);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(kernel.ops[i].ioctl, i / VMB_PANTHOR_OPS_MAX + 1);
	}
}

/* The layer sends one VM_BIND of the driver as one VM_BIND. */
static void test_many_ops_of_the_driver(void **state)
{
	static struct drm_panthor_vm_bind_op ops[MANY];
	struct drm_panthor_sync_op syncs[2];

	(void)state;
	make_many(ops, syncs);
	ops[7].bo_handle = NULL_MEMORY;
	assert_int_equal(bind_ops(NULL, ASYNC, ops, MANY, NULL), 0);
	assert_int_equal(kernel.count, MANY);
	assert_int_equal(kernel.ioctls, 1);
}

static void test_fewer_ops(void **state)
{
	static struct drm_panthor_vm_bind_op ops[MANY];
	struct drm_panthor_sync_op syncs[2];
	uint32_t failed;

	(void)state;
	make_many(ops, syncs);
	kernel.max_ops = 100;
	assert_int_equal(bind_many(ops), 0);
	assert_many(ops, MANY);

	/* The driver's VM_BIND, synchronous and asynchronous. */
	ops[7].flags |= SPARSE;
	ops[7].bo_handle = 0;
	ops[7].bo_offset = 0;
	for (uint32_t flags = 0; flags <= ASYNC; flags += ASYNC) {
		static struct drm_panthor_vm_bind_op given[MANY];
		memcpy(given, ops, sizeof(given));
		given[7] = map(NULL_MEMORY, 0, ops[7].va, PAGE);
		kernel.count = 0;
		assert_int_equal(bind_ops(NULL, flags, given, MANY, NULL), 0);
		assert_many(ops, MANY);
	}

	/* The kernel executes no op twice. ops.count returns the index of the failed op. */
	static struct drm_panthor_vm_bind_op given[MANY];
	memcpy(given, ops, sizeof(given));
	given[7] = map(NULL_MEMORY, 0, ops[7].va, PAGE);
	kernel.count = 0;
	kernel.max_ops = 0;
	kernel.enomem_end = ops[1000].va + PAGE;
	assert_int_equal(bind_ops(NULL, 0, given, MANY, &failed), -1);
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(failed, 1000);
	assert_many(ops, 1000);
}

/* If the last op fails, the ops before it stay executed. */
static void test_many_ops_fail_partway(void **state)
{
	static struct drm_panthor_vm_bind_op ops[MANY];
	struct drm_panthor_sync_op syncs[2];

	(void)state;
	make_many(ops, syncs);
	kernel.enomem_end = ops[0].va + PAGE;
	assert_int_equal(bind_many(ops), -ENOMEM);
	assert_int_equal(kernel.count, 0);
	kernel.enomem_end = ops[MANY - 1].va + PAGE;
	assert_int_equal(bind_many(ops), -EIO);
	assert_many(ops, MANY - 1);
}

/* The layer sends all ops of an interrupted VM_BIND again and ignores the kernel's ops.count. */
static void test_interrupted(void **state)
{
	struct drm_panthor_vm_bind_op ops[] = {
		map(NULL_MEMORY, 0, 0, PAGE),
		map(BO, 0, PAGE, PAGE),
	};

	(void)state;
	kernel.failures = 3;
	kernel.error = EINTR;
	assert_int_equal(bind_ops(NULL, 0, ops, 2, NULL), 0);
	assert_int_equal(kernel.count, 2);
	kernel.failures = 1;
	kernel.error = EAGAIN;
	assert_int_equal(bind_ops(NULL, 0, ops, 2, NULL), 0);
	assert_int_equal(kernel.count, 4);
}

static void create_bo(struct vmb_panthor_call *driver_call, uint64_t size, uint32_t flags,
	uint32_t handle, uint64_t returned)
{
	struct drm_panthor_bo_create create = { .size = size, .flags = flags };

	kernel.next_handle = handle;
	assert_int_equal(call(driver_call, DRM_IOCTL_PANTHOR_BO_CREATE, &create), 0);
	assert_int_equal(create.handle, handle);
	assert_int_equal(create.size, returned);
}

static void close_bo(struct vmb_panthor_call *driver_call, uint32_t handle)
{
	struct drm_gem_close gem_close = { .handle = handle };

	assert_int_equal(call(driver_call, DRM_IOCTL_GEM_CLOSE, &gem_close), 0);
	assert_ptr_equal(kernel.arg, &gem_close);
}

/* Sends the maps of panvk 26.1.6 for 100,000,000 bytes: 48 maps, 16 in an ioctl. */
static void map_blackhole(struct vmb_panthor_call *driver_call, uint32_t bo, uint64_t va)
{
	const uint64_t size = (UINT64_C(100000000) + PAGE - 1) / PAGE * PAGE;
	struct drm_panthor_vm_bind_op ops[16];

	for (uint64_t offset = 0; offset < size;) {
		uint32_t count = 0;
		while (count < 16 && offset < size) {
			uint64_t piece = size - offset < 2 * MIB ? size - offset : 2 * MIB;
			ops[count++] = map(bo, 0, va + offset, piece);
			offset += piece;
		}
		assert_int_equal(bind_ops(driver_call, 0, ops, count, NULL), 0);
	}
}

static void test_creation(void **state)
{
	struct vmb_panthor_call driver_call;

	(void)state;
	panthor->blackhole = 0;
	vmb_panthor_call_begin(&driver_call, intercept, VMB_PANTHOR_CALL_CREATE_SPARSE);
	create_bo(&driver_call, 2 * MIB, DRM_PANTHOR_BO_NO_MMAP, BLACKHOLE, 2 * MIB);
	map_blackhole(&driver_call, BLACKHOLE, 64 * MIB);
	assert_int_equal(kernel.count, 0);
	assert_int_equal(vmb_driver_call_end(&driver_call.base), 0);
	assert_int_equal(kernel.count, 1);
	assert_int_equal(kernel.flags, 0);
	assert_op(0, MAP | SPARSE, 0, 0, 64 * MIB, 100003840);

	/* The second creation uses the blackhole of the first creation. */
	vmb_panthor_call_begin(&driver_call, intercept, VMB_PANTHOR_CALL_CREATE_SPARSE);
	map_blackhole(&driver_call, BLACKHOLE, 512 * MIB);
	assert_int_equal(vmb_driver_call_end(&driver_call.base), 0);
	assert_int_equal(kernel.count, 2);
	assert_op(1, MAP | SPARSE, 0, 0, 512 * MIB, 100003840);
}

static void test_creation_fails(void **state)
{
	struct vmb_panthor_call driver_call;

	(void)state;
	vmb_panthor_call_begin(&driver_call, intercept, VMB_PANTHOR_CALL_CREATE_SPARSE);
	map_blackhole(&driver_call, BLACKHOLE, 64 * MIB);
	kernel.max_size = PAGE;
	assert_int_equal(vmb_driver_call_end(&driver_call.base), -ENOMEM);
	assert_int_equal(kernel.count, 0);
}

/* The driver's other ops keep their order during a sparse creation. */
static void test_creation_order(void **state)
{
	struct drm_panthor_vm_bind_op ops[] = {
		map(BLACKHOLE, 0, 0, 2 * MIB),
		map(BLACKHOLE, 0, 8 * MIB, 2 * MIB),
		{ .flags = UNMAP, .va = 0, .size = 16 * MIB },
		map(BLACKHOLE, 0, 32 * MIB, 2 * MIB),
	};
	struct vmb_panthor_call driver_call;

	(void)state;
	vmb_panthor_call_begin(&driver_call, intercept, VMB_PANTHOR_CALL_CREATE_SPARSE);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(bind_ops(&driver_call, 0, &ops[i], 1, NULL), 0);
	}
	assert_int_equal(vmb_driver_call_end(&driver_call.base), 0);
	assert_int_equal(kernel.count, 4);
	assert_op(0, MAP | SPARSE, 0, 0, 0, 2 * MIB);
	assert_op(1, MAP | SPARSE, 0, 0, 8 * MIB, 2 * MIB);
	assert_op(2, UNMAP, 0, 0, 0, 16 * MIB);
	assert_op(3, MAP | SPARSE, 0, 0, 32 * MIB, 2 * MIB);
}

/* The kernel has no sparse maps, so the driver's maps of the blackhole are unchanged. */
static void test_creation_before_sparse(void **state)
{
	struct vmb_panthor_call driver_call;

	(void)state;
	panthor->minor = 8;
	panthor->blackhole = 0;
	vmb_panthor_call_begin(&driver_call, intercept, VMB_PANTHOR_CALL_CREATE_SPARSE);
	create_bo(&driver_call, 2 * MIB, DRM_PANTHOR_BO_NO_MMAP, BLACKHOLE, 2 * MIB);
	map_blackhole(&driver_call, BLACKHOLE, 64 * MIB);
	assert_int_equal(vmb_driver_call_end(&driver_call.base), 0);
	assert_int_equal(kernel.count, 48);
	assert_op(0, MAP, BLACKHOLE, 0, 64 * MIB, 2 * MIB);
}

/* The device is destroyed during the ioctl, and another device's descriptor gets the intercept. */
static void test_intercept_reused(void **state)
{
	struct drm_panthor_vm_bind_op op = map(NULL_MEMORY, 0, 6 * MIB, PAGE);

	(void)state;
	atomic_store(&intercept->fd, FD + 1);
	panthor->fd = FD + 1;
	/* kernel_ioctl() accepts only FD. */
	assert_int_equal(bind_ops(NULL, ASYNC, &op, 1, NULL), 0);
	assert_op(0, MAP, NULL_MEMORY, 0, 6 * MIB, PAGE);
	close_bo(NULL, BO);
	create_bo(NULL, PAGE, 0, BO, PAGE);
}

static void test_handle_reused(void **state)
{
	struct drm_panthor_vm_bind_op ops[] = {
		map(NULL_MEMORY, 0, 0, PAGE),
		map(BLACKHOLE, 0, 8 * PAGE, PAGE),
	};

	(void)state;
	close_bo(NULL, BO);
	assert_int_equal(bind_ops(NULL, 0, ops, 2, NULL), 0);
	assert_op(0, MAP | SPARSE, 0, 0, 0, PAGE);
	assert_op(1, MAP | SPARSE, 0, 0, 8 * PAGE, PAGE);
	close_bo(NULL, NULL_MEMORY);
	close_bo(NULL, BLACKHOLE);
	assert_int_equal(bind_ops(NULL, 0, ops, 2, NULL), 0);
	assert_op(2, MAP, NULL_MEMORY, 0, 0, PAGE);
	assert_op(3, MAP, BLACKHOLE, 0, 8 * PAGE, PAGE);
}

static void test_memory(void **state)
{
	struct drm_panthor_vm_bind_op op = map(BO, 0, 4 * MIB, 3 * PAGE);
	struct vmb_panthor_call driver_call;

	(void)state;
	vmb_panthor_call_begin(&driver_call, intercept, VMB_PANTHOR_CALL_ALLOCATE);
	create_bo(&driver_call, 3 * PAGE, 0, BO, 3 * PAGE);
	op.flags |= NOEXEC;
	assert_int_equal(bind_ops(&driver_call, 0, &op, 1, NULL), 0);
	assert_int_equal(vmb_driver_call_end(&driver_call.base), 0);
	assert_int_equal(driver_call.bo, BO);
	assert_int_equal(driver_call.bo_size, 3 * PAGE);
	assert_int_equal(driver_call.va, 4 * MIB);
	assert_int_equal(driver_call.size, 3 * PAGE);
	assert_int_equal(driver_call.map_flags, MAP | NOEXEC);
	assert_int_equal(kernel.created_size, 3 * PAGE);
	assert_op(0, MAP | NOEXEC, BO, 0, 4 * MIB, 3 * PAGE);

	/* The driver closes the BO after an error. */
	vmb_panthor_call_begin(&driver_call, intercept, VMB_PANTHOR_CALL_ALLOCATE);
	create_bo(&driver_call, PAGE, 0, BO, PAGE);
	close_bo(&driver_call, BO);
	assert_int_equal(vmb_driver_call_end(&driver_call.base), 0);
	assert_int_equal(driver_call.bo, 0);
}

static void test_reservation(void **state)
{
	struct drm_panthor_vm_bind_op op = map(BO, 0, 2 * GIB, GIB);
	struct vmb_panthor_call driver_call;

	(void)state;
	vmb_panthor_call_begin(&driver_call, intercept, VMB_PANTHOR_CALL_RESERVE);
	create_bo(&driver_call, GIB - 1, 0, BO, GIB);
	assert_true(kernel.created_size <= 64 * 1024);
	assert_int_equal(bind_ops(&driver_call, 0, &op, 1, NULL), 0);
	assert_int_equal(vmb_driver_call_end(&driver_call.base), 0);
	assert_int_equal(driver_call.bo, BO);
	assert_int_equal(driver_call.bo_size, GIB);
	assert_int_equal(driver_call.va, 2 * GIB);
	assert_int_equal(driver_call.size, GIB);
	assert_int_equal(kernel.count, 1);
	assert_op(0, MAP | SPARSE, 0, 0, 2 * GIB, GIB);

	/* A failed BO_CREATE leaves the driver's size unchanged. */
	struct drm_panthor_bo_create create = { .size = 3 * GIB };
	vmb_panthor_call_begin(&driver_call, intercept, VMB_PANTHOR_CALL_RESERVE);
	kernel.failures = 1;
	kernel.error = ENOMEM;
	assert_int_equal(call(&driver_call, DRM_IOCTL_PANTHOR_BO_CREATE, &create), -1);
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(create.size, 3 * GIB);
	assert_int_equal(vmb_driver_call_end(&driver_call.base), 0);
	assert_int_equal(driver_call.bo, 0);
}

static void test_reservation_before_sparse(void **state)
{
	struct drm_panthor_vm_bind_op op = map(BO, 0, 64 * MIB, 5 * MIB);
	struct vmb_panthor_call driver_call;

	(void)state;
	panthor->minor = 8;
	panthor->fallback_bo = FALLBACK_BO;
	vmb_panthor_call_begin(&driver_call, intercept, VMB_PANTHOR_CALL_RESERVE);
	create_bo(&driver_call, 5 * MIB, 0, BO, 5 * MIB);
	assert_true(kernel.created_size <= 64 * 1024);
	assert_int_equal(bind_ops(&driver_call, 0, &op, 1, NULL), 0);
	assert_int_equal(vmb_driver_call_end(&driver_call.base), 0);
	assert_int_equal(kernel.count, 3);
	assert_op(2, MAP | NOEXEC, FALLBACK_BO, 0, 68 * MIB, MIB);
}

/* A range of more pieces than the layer has memory for fails. */
static void test_too_many_pieces(void **state)
{
	static const struct {
		uint32_t minor;
		uint64_t size;
	} cases[] = {
		{ 8, VMB_PANTHOR_PIECES_MAX * VMB_PANTHOR_CYCLE + MIB * 2 },
		{ 9, VMB_PANTHOR_PIECES_MAX * VMB_PANTHOR_SPARSE_MAX + VMB_PANTHOR_SPARSE_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct drm_panthor_vm_bind_op op = map(NULL_MEMORY, 0, 0, cases[i].size);
		panthor->minor = cases[i].minor;
		assert_int_equal(bind_ops(NULL, 0, &op, 1, NULL), -1);
		assert_int_equal(errno, ENOMEM);
		assert_int_equal(kernel.ioctls, 0);
	}
}

#define RANGE (8 * MIB)

/* Makes the kernel fail for the last bytes of a reservation. No page of the range stays mapped. */
static void fail_reservation(uint32_t minor)
{
	struct drm_panthor_vm_bind_op op = map(BO, 0, 64 * MIB, RANGE);
	bool is_mapped[RANGE / PAGE] = { 0 };
	struct vmb_panthor_call driver_call;
	size_t maps = 0;

	panthor->minor = minor;
	panthor->fallback_bo = minor < 9 ? FALLBACK_BO : 0;
	vmb_panthor_call_begin(&driver_call, intercept, VMB_PANTHOR_CALL_RESERVE);
	create_bo(&driver_call, RANGE, 0, BO, RANGE);
	kernel.enomem_end = op.va + op.size;
	assert_int_equal(bind_ops(&driver_call, 0, &op, 1, NULL), -1);
	assert_int_equal(errno, ENOMEM);
	close_bo(&driver_call, BO);
	assert_int_equal(vmb_driver_call_end(&driver_call.base), 0);
	for (size_t i = 0; i < kernel.count; i++) {
		const struct drm_panthor_vm_bind_op *done = &kernel.ops[i].op;
		bool is_map = (done->flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK) == MAP;
		maps += is_map;
		for (uint64_t at = 0; at < done->size; at += PAGE) {
			is_mapped[(done->va - op.va + at) / PAGE] = is_map;
		}
	}
	assert_true(maps > 0);
	for (size_t i = 0; i < RANGE / PAGE; i++) {
		assert_false(is_mapped[i]);
	}
	assert_int_equal(driver_call.size, 0);
}

static void test_reservation_fails(void **state)
{
	(void)state;
	fail_reservation(9);
}

static void test_reservation_fails_before_sparse(void **state)
{
	(void)state;
	fail_reservation(8);
}

#define PAGES 64

/* The value of a page: 0 if unmapped, SPARSE, or the BO and the page within the BO. */
static void apply_op(uint64_t *pages, const struct drm_panthor_vm_bind_op *op)
{
	for (uint64_t i = 0; i < op->size / PAGE; i++) {
		uint64_t *page = &pages[op->va / PAGE + i];
		uint32_t type = op->flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK;
		if (type == UNMAP) {
			*page = 0;
		} else if ((op->flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE) ||
			op->bo_handle == NULL_MEMORY) {
			*page = SPARSE;
		} else if (type == MAP) {
			*page = (uint64_t)op->bo_handle << 32 | (op->bo_offset / PAGE + i);
		}
	}
}

static void test_random(void **state)
{
	const char *given = getenv("VMBIND_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 0) : (unsigned)time(NULL);

	(void)state;
	print_message("VMBIND_SEED=%u\n", seed);
	srand(seed);
	for (int round = 0; round < 20000; round++) {
		struct drm_panthor_vm_bind_op ops[40];
		uint64_t wanted[PAGES] = { 0 };
		uint64_t got[PAGES] = { 0 };
		uint32_t count = 1 + (uint32_t)rand() % 40;

		kernel.count = 0;
		panthor->minor = rand() % 2 ? 9 : 8;
		for (uint32_t i = 0; i < count; i++) {
			uint64_t start = (uint64_t)rand() % PAGES;
			uint64_t size = 1 + (uint64_t)rand() % (PAGES - start);
			if (i && rand() % 2) {
				/* Start at the end of the previous op. */
				start = (ops[i - 1].va + ops[i - 1].size) / PAGE % PAGES;
				size = 1 +
					(uint64_t)rand() % (start < PAGES - 4 ? 4 : PAGES - start);
			}
			ops[i] = map(rand() % 2 ? NULL_MEMORY : BO, start * PAGE, start * PAGE,
				size * PAGE);
			if (rand() % 8 == 0) {
				ops[i].flags = UNMAP;
				ops[i].bo_handle = 0;
				ops[i].bo_offset = 0;
			}
			apply_op(wanted, &ops[i]);
		}
		assert_int_equal(bind_ops(NULL, ASYNC, ops, count, NULL), 0);
		assert_true(panthor->minor < 9 || kernel.count <= count);
		for (size_t i = 0; i < kernel.count; i++) {
			apply_op(got, &kernel.ops[i].op);
		}
		assert_memory_equal(got, wanted, sizeof(got));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_null_memory_is_sparse, set_up),
		cmocka_unit_test_setup(test_intercept_reused, set_up),
		cmocka_unit_test_setup(test_untouched, set_up),
		cmocka_unit_test_setup(test_other_sizes, set_up),
		cmocka_unit_test_setup(test_neighbours_merge, set_up),
		cmocka_unit_test_setup(test_synchronization_parts, set_up),
		cmocka_unit_test_setup(test_large, set_up),
		cmocka_unit_test_setup(test_cyclic, set_up),
		cmocka_unit_test_setup(test_smaller_ops, set_up),
		cmocka_unit_test_setup(test_no_memory, set_up),
		cmocka_unit_test_setup(test_fails_partway, set_up),
		cmocka_unit_test_setup(test_many_ops, set_up),
		cmocka_unit_test_setup(test_many_ops_of_the_driver, set_up),
		cmocka_unit_test_setup(test_fewer_ops, set_up),
		cmocka_unit_test_setup(test_many_ops_fail_partway, set_up),
		cmocka_unit_test_setup(test_interrupted, set_up),
		cmocka_unit_test_setup(test_creation, set_up),
		cmocka_unit_test_setup(test_creation_fails, set_up),
		cmocka_unit_test_setup(test_creation_order, set_up),
		cmocka_unit_test_setup(test_creation_before_sparse, set_up),
		cmocka_unit_test_setup(test_handle_reused, set_up),
		cmocka_unit_test_setup(test_memory, set_up),
		cmocka_unit_test_setup(test_reservation, set_up),
		cmocka_unit_test_setup(test_reservation_before_sparse, set_up),
		cmocka_unit_test_setup(test_too_many_pieces, set_up),
		cmocka_unit_test_setup(test_reservation_fails, set_up),
		cmocka_unit_test_setup(test_reservation_fails_before_sparse, set_up),
		cmocka_unit_test_setup(test_random, set_up),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(kernel.ops);
	return failed;
}
