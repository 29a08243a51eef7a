/* SPDX-License-Identifier: MIT */
/*
 * The syncobjs of the simulated kernel, and their waiters: threads, asynchronous binds, submits. A
 * test holds the GPU to keep a submit pending.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "scenarios.h"
#include "sim.h"
#include "uapi/panthor.h"

#define M (UINT64_C(1) << 20)
#define G (UINT64_C(1) << 30)
#define SPARSE \
	(DRM_PANTHOR_VM_BIND_OP_TYPE_MAP | DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC | \
		DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE)
#define FOREVER INT64_MAX

struct machine {
	struct vmb_sim *sim;
	struct vmb_sim_file *file;
	uint32_t vm;
	uint32_t group;
};

static int call(const struct machine *machine, unsigned long request, void *argument)
{
	return vmb_sim_ioctl(machine->file, 3, request, argument);
}

static void start(struct machine *machine)
{
	struct vmb_sim_config config = { .minor = 9, .stream = -1 };
	assert_int_equal(vmb_sim_create(&config, &machine->sim), 0);
	machine->file = vmb_sim_open(machine->sim);
	struct drm_panthor_vm_create vm = { 0 };
	assert_int_equal(call(machine, DRM_IOCTL_PANTHOR_VM_CREATE, &vm), 0);
	machine->vm = vm.id;
	struct drm_panthor_queue_create queues[2] = { { .ringbuf_size = 65536 } };
	struct drm_panthor_group_create group = { .queues = DRM_PANTHOR_OBJ_ARRAY(2, queues),
		.vm_id = vm.id };
	assert_int_equal(call(machine, DRM_IOCTL_PANTHOR_GROUP_CREATE, &group), 0);
	machine->group = group.group_handle;
}

static void stop(struct machine *machine)
{
	vmb_sim_destroy(machine->sim);
}

static uint32_t create(const struct machine *machine, uint32_t flags)
{
	struct drm_syncobj_create args = { .flags = flags };
	assert_int_equal(call(machine, DRM_IOCTL_SYNCOBJ_CREATE, &args), 0);
	return args.handle;
}

static int wait_binary(
	const struct machine *machine, uint32_t handle, uint32_t flags, int64_t timeout)
{
	struct drm_syncobj_wait args = {
		.handles = (uintptr_t)&handle,
		.count_handles = 1,
		.flags = flags,
		.timeout_nsec = timeout,
	};
	return call(machine, DRM_IOCTL_SYNCOBJ_WAIT, &args);
}

static int wait_point(const struct machine *machine, uint32_t handle, uint64_t point,
	uint32_t flags, int64_t timeout)
{
	struct drm_syncobj_timeline_wait args = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.count_handles = 1,
		.flags = flags,
		.timeout_nsec = timeout,
	};
	return call(machine, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &args);
}

static int call_on_syncobj(const struct machine *machine, unsigned long request, uint32_t handle)
{
	struct drm_syncobj_array args = { .handles = (uintptr_t)&handle, .count_handles = 1 };
	return call(machine, request, &args);
}

static int signal_point(const struct machine *machine, uint32_t handle, uint64_t point)
{
	struct drm_syncobj_timeline_array args = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.count_handles = 1,
	};
	return call(machine, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &args);
}

static uint64_t query(const struct machine *machine, uint32_t handle, uint32_t flags)
{
	uint64_t point = 99;
	struct drm_syncobj_timeline_array args = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.count_handles = 1,
		.flags = flags,
	};
	assert_int_equal(call(machine, DRM_IOCTL_SYNCOBJ_QUERY, &args), 0);
	return point;
}

static struct drm_panthor_sync_op wait_op(uint32_t handle, uint64_t point)
{
	return (struct drm_panthor_sync_op){
		.flags = point ? DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_TIMELINE_SYNCOBJ : 0,
		.handle = handle,
		.timeline_value = point,
	};
}

static struct drm_panthor_sync_op signal_op(uint32_t handle, uint64_t point)
{
	struct drm_panthor_sync_op op = wait_op(handle, point);
	op.flags |= DRM_PANTHOR_SYNC_OP_SIGNAL;
	return op;
}

static int submit(const struct machine *machine, uint32_t queue, struct drm_panthor_sync_op *syncs,
	uint32_t count)
{
	struct drm_panthor_queue_submit submits[1] = {
		{ .queue_index = queue, .syncs = DRM_PANTHOR_OBJ_ARRAY(count, syncs) },
	};
	struct drm_panthor_group_submit args = {
		.group_handle = machine->group,
		.queue_submits = DRM_PANTHOR_OBJ_ARRAY(1, submits),
	};
	return call(machine, DRM_IOCTL_PANTHOR_GROUP_SUBMIT, &args);
}

static int bind(const struct machine *machine, uint64_t va, struct drm_panthor_sync_op *syncs,
	uint32_t count)
{
	struct drm_panthor_vm_bind_op ops[1] = {
		{
			.flags = SPARSE,
			.va = va,
			.size = 2 * M,
			.syncs = DRM_PANTHOR_OBJ_ARRAY(count, syncs),
		},
	};
	struct drm_panthor_vm_bind args = {
		.vm_id = machine->vm,
		.flags = DRM_PANTHOR_VM_BIND_ASYNC,
		.ops = DRM_PANTHOR_OBJ_ARRAY(1, ops),
	};
	return call(machine, DRM_IOCTL_PANTHOR_VM_BIND, &args);
}

static size_t count_mappings(const struct machine *machine)
{
	struct vmb_sim_va *vas;
	size_t count;
	assert_int_equal(vmb_sim_vm_map(machine->file, machine->vm, false, &vas, &count), 0);
	free(vas);
	return count;
}

static void binary(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine);
	uint32_t handle = create(&machine, 0);
	assert_int_equal(wait_binary(&machine, handle, 0, FOREVER), -EINVAL);
	assert_int_equal(
		wait_binary(&machine, handle, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT, 0), -ETIME);
	assert_int_equal(wait_binary(&machine, 99, 0, FOREVER), -ENOENT);
	assert_int_equal(
		wait_binary(&machine, handle, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE, 0), -EINVAL);
	assert_int_equal(call_on_syncobj(&machine, DRM_IOCTL_SYNCOBJ_SIGNAL, handle), 0);
	assert_int_equal(wait_binary(&machine, handle, 0, FOREVER), 0);
	assert_int_equal(query(&machine, handle, 0), 0);
	assert_int_equal(call_on_syncobj(&machine, DRM_IOCTL_SYNCOBJ_RESET, handle), 0);
	assert_int_equal(wait_binary(&machine, handle, 0, FOREVER), -EINVAL);

	uint32_t signaled = create(&machine, DRM_SYNCOBJ_CREATE_SIGNALED);
	assert_int_equal(wait_binary(&machine, signaled, 0, 0), 0);
	struct drm_syncobj_destroy destroy = { .handle = handle };
	assert_int_equal(call(&machine, DRM_IOCTL_SYNCOBJ_DESTROY, &destroy), 0);
	assert_int_equal(call(&machine, DRM_IOCTL_SYNCOBJ_DESTROY, &destroy), -EINVAL);
	assert_int_equal(create(&machine, 0), handle);
	stop(&machine);
}

static void timeline(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine);
	uint32_t handle = create(&machine, 0);
	assert_int_equal(signal_point(&machine, handle, 5), 0);
	assert_int_equal(query(&machine, handle, 0), 5);
	assert_int_equal(wait_point(&machine, handle, 3, 0, FOREVER), 0);
	assert_int_equal(wait_point(&machine, handle, 5, 0, FOREVER), 0);
	assert_int_equal(wait_point(&machine, handle, 6, 0, FOREVER), -EINVAL);
	assert_int_equal(
		wait_point(&machine, handle, 6, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT, 0), -ETIME);
	assert_int_equal(
		wait_point(&machine, handle, 6, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE, 0), -ETIME);
	/* The timeline does not go back. */
	assert_int_equal(signal_point(&machine, handle, 2), 0);
	assert_int_equal(query(&machine, handle, 0), 5);
	assert_int_equal(signal_point(&machine, handle, 8), 0);
	assert_int_equal(query(&machine, handle, 0), 8);
	stop(&machine);
}

static void pending_points(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine);
	uint32_t handle = create(&machine, 0);
	uint32_t submitted = DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED;
	assert_int_equal(signal_point(&machine, handle, 1), 0);
	vmb_sim_hold_gpu(machine.sim, true);
	struct drm_panthor_sync_op four = signal_op(handle, 4);
	assert_int_equal(submit(&machine, 0, &four, 1), 0);
	assert_int_equal(query(&machine, handle, 0), 1);
	assert_int_equal(query(&machine, handle, submitted), 4);
	/* A point behind a pending point is reached only after the pending point. */
	assert_int_equal(signal_point(&machine, handle, 7), 0);
	assert_int_equal(query(&machine, handle, 0), 1);
	assert_int_equal(query(&machine, handle, submitted), 7);
	assert_int_equal(wait_point(&machine, handle, 1, 0, 0), 0);
	assert_int_equal(wait_point(&machine, handle, 2, 0, 0), -ETIME);
	assert_int_equal(wait_point(&machine, handle, 7, 0, 0), -ETIME);
	assert_int_equal(
		wait_point(&machine, handle, 7, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE, 0), 0);
	vmb_sim_hold_gpu(machine.sim, false);
	assert_int_equal(query(&machine, handle, 0), 7);
	assert_int_equal(wait_point(&machine, handle, 7, 0, 0), 0);
	stop(&machine);
}

static void any_and_all(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine);
	uint32_t handles[3];
	for (int i = 0; i < 3; i++) {
		handles[i] = create(&machine, 0);
	}
	assert_int_equal(call_on_syncobj(&machine, DRM_IOCTL_SYNCOBJ_SIGNAL, handles[1]), 0);
	struct drm_syncobj_wait args = {
		.handles = (uintptr_t)handles,
		.count_handles = 3,
		.flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT,
	};
	assert_int_equal(call(&machine, DRM_IOCTL_SYNCOBJ_WAIT, &args), 0);
	assert_int_equal(args.first_signaled, 1);
	args.flags |= DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL;
	assert_int_equal(call(&machine, DRM_IOCTL_SYNCOBJ_WAIT, &args), -ETIME);
	assert_int_equal(call_on_syncobj(&machine, DRM_IOCTL_SYNCOBJ_SIGNAL, handles[0]), 0);
	assert_int_equal(call_on_syncobj(&machine, DRM_IOCTL_SYNCOBJ_SIGNAL, handles[2]), 0);
	assert_int_equal(call(&machine, DRM_IOCTL_SYNCOBJ_WAIT, &args), 0);
	args.count_handles = 0;
	assert_int_equal(call(&machine, DRM_IOCTL_SYNCOBJ_WAIT, &args), 0);
	stop(&machine);
}

static int transfer(const struct machine *machine, uint32_t from, uint64_t from_point, uint32_t to,
	uint64_t to_point)
{
	struct drm_syncobj_transfer args = {
		.src_handle = from,
		.src_point = from_point,
		.dst_handle = to,
		.dst_point = to_point,
	};
	return call(machine, DRM_IOCTL_SYNCOBJ_TRANSFER, &args);
}

static void transfers(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine);
	uint32_t line = create(&machine, 0);
	uint32_t binary = create(&machine, 0);
	assert_int_equal(transfer(&machine, line, 3, binary, 0), -EINVAL);
	vmb_sim_hold_gpu(machine.sim, true);
	struct drm_panthor_sync_op three = signal_op(line, 3);
	assert_int_equal(submit(&machine, 0, &three, 1), 0);
	assert_int_equal(transfer(&machine, line, 3, binary, 0), 0);
	assert_int_equal(wait_binary(&machine, binary, 0, 0), -ETIME);
	/* Transfer the fence back to a later point. */
	assert_int_equal(transfer(&machine, binary, 0, line, 9), 0);
	assert_int_equal(query(&machine, line, DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED), 9);
	assert_int_equal(query(&machine, line, 0), 0);
	vmb_sim_hold_gpu(machine.sim, false);
	assert_int_equal(wait_binary(&machine, binary, 0, 0), 0);
	assert_int_equal(query(&machine, line, 0), 9);
	assert_int_equal(transfer(&machine, 99, 0, line, 9), -ENOENT);
	assert_int_equal(transfer(&machine, line, 0, 99, 9), -ENOENT);
	stop(&machine);
}

static void shared(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine);
	struct machine other = machine;
	other.file = vmb_sim_open(machine.sim);
	uint32_t handle = create(&machine, 0);
	struct drm_syncobj_handle args = { .handle = handle };
	assert_int_equal(call(&machine, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &args), 0);
	assert_int_equal(call(&other, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &args), 0);
	uint32_t first = args.handle;
	assert_int_equal(call(&other, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &args), 0);
	uint32_t second = args.handle;
	assert_int_not_equal(first, second);
	close(args.fd);

	assert_int_equal(signal_point(&machine, handle, 6), 0);
	assert_int_equal(query(&other, first, 0), 6);
	assert_int_equal(query(&other, second, 0), 6);
	/* The syncobj outlives its first file. */
	vmb_sim_close(machine.file);
	assert_int_equal(wait_point(&other, first, 6, 0, 0), 0);
	assert_int_equal(call(&other, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &args), -EINVAL);
	stop(&other);
}

static void refused_syncs(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine);
	uint32_t handle = create(&machine, 0);
	const struct {
		struct drm_panthor_sync_op sync;
		int result;
	} syncs[] = {
		{ wait_op(handle, 0), -EINVAL },
		{ wait_op(handle, 1), -EINVAL },
		{ wait_op(99, 0), -ENOENT },
		{ signal_op(99, 0), -EINVAL },
		{ { .handle = handle, .timeline_value = 1 }, -EINVAL },
		{ { .handle = handle, .flags = DRM_PANTHOR_SYNC_OP_SIGNAL | 2 }, -EINVAL },
		{ { .handle = handle, .flags = DRM_PANTHOR_SYNC_OP_SIGNAL | 0x100 }, -EINVAL },
		{ signal_op(handle, 0), 0 },
	};
	for (size_t i = 0; i < sizeof(syncs) / sizeof(syncs[0]); i++) {
		struct drm_panthor_sync_op sync = syncs[i].sync;
		assert_int_equal(bind(&machine, G, &sync, 1), syncs[i].result);
		assert_int_equal(count_mappings(&machine), syncs[i].result == 0);
	}
	/* A later op can wait for the signal of an earlier op of the same call, not vice versa. */
	uint32_t fresh = create(&machine, 0);
	struct drm_panthor_sync_op signal = signal_op(fresh, 0);
	struct drm_panthor_sync_op wait = wait_op(fresh, 0);
	struct drm_panthor_vm_bind_op ops[2] = {
		{ .flags = DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY },
		{ .flags = DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY },
	};
	ops[0].syncs = (struct drm_panthor_obj_array)DRM_PANTHOR_OBJ_ARRAY(1, &wait);
	ops[1].syncs = (struct drm_panthor_obj_array)DRM_PANTHOR_OBJ_ARRAY(1, &signal);
	struct drm_panthor_vm_bind args = {
		.vm_id = machine.vm,
		.flags = DRM_PANTHOR_VM_BIND_ASYNC,
		.ops = DRM_PANTHOR_OBJ_ARRAY(2, ops),
	};
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_VM_BIND, &args), -EINVAL);
	assert_int_equal(wait_binary(&machine, fresh, 0, 0), -EINVAL);
	ops[0].syncs.array = (uintptr_t)&signal;
	ops[1].syncs.array = (uintptr_t)&wait;
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_VM_BIND, &args), 0);
	assert_int_equal(wait_binary(&machine, fresh, 0, 0), 0);
	/* A synchronous call takes no sync ops. */
	args.flags = 0;
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_VM_BIND, &args), -EINVAL);
	stop(&machine);
}

static void binds_wait_in_order(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine);
	uint32_t gpu = create(&machine, 0);
	uint32_t line = create(&machine, 0);
	vmb_sim_hold_gpu(machine.sim, true);
	struct drm_panthor_sync_op done = signal_op(gpu, 0);
	assert_int_equal(submit(&machine, 0, &done, 1), 0);
	struct drm_panthor_sync_op first[] = { wait_op(gpu, 0), signal_op(line, 1) };
	struct drm_panthor_sync_op second[] = { signal_op(line, 2) };
	assert_int_equal(bind(&machine, G, first, 2), 0);
	/* The second bind has no wait of its own and runs after the first. */
	assert_int_equal(bind(&machine, 2 * G, second, 1), 0);
	assert_int_equal(count_mappings(&machine), 0);
	assert_int_equal(query(&machine, line, 0), 0);
	/* A job on another queue waits for the second bind. */
	uint32_t last = create(&machine, 0);
	struct drm_panthor_sync_op after[] = { wait_op(line, 2), signal_op(last, 0) };
	assert_int_equal(submit(&machine, 1, after, 2), 0);
	assert_int_equal(wait_binary(&machine, last, 0, 0), -ETIME);
	vmb_sim_hold_gpu(machine.sim, false);
	assert_int_equal(count_mappings(&machine), 2);
	assert_int_equal(query(&machine, line, 0), 2);
	assert_int_equal(wait_binary(&machine, last, 0, 0), 0);
	stop(&machine);
}

static void destroyed_while_pending(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine);
	uint32_t gpu = create(&machine, 0);
	uint32_t bound = create(&machine, 0);
	vmb_sim_hold_gpu(machine.sim, true);
	struct drm_panthor_sync_op done = signal_op(gpu, 0);
	assert_int_equal(submit(&machine, 0, &done, 1), 0);
	struct drm_panthor_sync_op syncs[] = { wait_op(gpu, 0), signal_op(bound, 0) };
	assert_int_equal(bind(&machine, G, syncs, 2), 0);
	struct drm_panthor_vm_destroy destroy_vm = { .id = machine.vm };
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_VM_DESTROY, &destroy_vm), 0);
	assert_int_equal(wait_binary(&machine, bound, 0, 0), -ETIME);
	struct drm_panthor_group_destroy destroy_group = { .group_handle = machine.group };
	assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_GROUP_DESTROY, &destroy_group), 0);
	assert_int_equal(wait_binary(&machine, gpu, 0, 0), 0);
	assert_int_equal(wait_binary(&machine, bound, 0, 0), 0);
	stop(&machine);

	/* Destroy the kernel with pending jobs. */
	start(&machine);
	gpu = create(&machine, 0);
	vmb_sim_hold_gpu(machine.sim, true);
	done = signal_op(gpu, 0);
	assert_int_equal(submit(&machine, 0, &done, 1), 0);
	syncs[0] = wait_op(gpu, 0);
	assert_int_equal(bind(&machine, G, syncs, 1), 0);
	stop(&machine);
}

static void refused_submits(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine);
	assert_int_equal(submit(&machine, 2, NULL, 0), -EINVAL);
	const struct drm_panthor_queue_submit bad[] = {
		{ .stream_size = 8 },
		{ .stream_addr = 64 },
		{ .stream_size = 8, .stream_addr = 32 },
		{ .stream_size = 4, .stream_addr = 64 },
		{ .latest_flush = UINT32_C(1) << 24 },
		{ .pad = 1 },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct drm_panthor_group_submit args = {
			.group_handle = machine.group,
			.queue_submits = DRM_PANTHOR_OBJ_ARRAY(1, &bad[i]),
		};
		assert_int_equal(call(&machine, DRM_IOCTL_PANTHOR_GROUP_SUBMIT, &args), -EINVAL);
	}
	stop(&machine);
}

#define THREADS 8
#define STEPS 200

struct runner {
	struct machine *machine;
	pthread_t thread;
	uint32_t line;
	uint64_t number;
	int result;
};

/* Each thread waits for the point of the previous thread and signals the next point. */
static void *run_relay(void *argument)
{
	struct runner *runner = argument;
	for (uint64_t step = 0; step < STEPS && !runner->result; step++) {
		uint64_t point = step * THREADS + runner->number;
		if (point) {
			runner->result = wait_point(runner->machine, runner->line, point,
				DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT, FOREVER);
		}
		struct drm_panthor_sync_op next = signal_op(runner->line, point + 1);
		if (!runner->result && runner->number % 2) {
			runner->result = bind(
				runner->machine, G + runner->number * 2 * M, &next, 1);
		} else if (!runner->result) {
			runner->result = signal_point(runner->machine, runner->line, point + 1);
		}
	}
	return NULL;
}

static void relay(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine);
	struct runner runners[THREADS];
	uint32_t line = create(&machine, 0);
	for (uint64_t i = 0; i < THREADS; i++) {
		runners[i] = (struct runner){ .machine = &machine, .line = line, .number = i };
		pthread_create(&runners[i].thread, NULL, run_relay, &runners[i]);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(runners[i].thread, NULL);
		assert_int_equal(runners[i].result, 0);
	}
	assert_int_equal(query(&machine, line, 0), THREADS * STEPS);
	assert_int_equal(count_mappings(&machine), THREADS / 2);
	stop(&machine);
}

static void *run_wait(void *argument)
{
	struct runner *runner = argument;
	runner->result = wait_binary(
		runner->machine, runner->line, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT, FOREVER);
	return NULL;
}

/* A waiting thread gets a fence even if the syncobj loses the fence at once. */
static void signalled_and_reset(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine);
	struct runner runners[THREADS];
	uint32_t handle = create(&machine, 0);
	for (size_t i = 0; i < THREADS; i++) {
		runners[i] = (struct runner){ .machine = &machine, .line = handle };
		pthread_create(&runners[i].thread, NULL, run_wait, &runners[i]);
	}
	/* A thread that misses one signal gets a later one. */
	for (size_t joined = 0; joined < THREADS;) {
		assert_int_equal(call_on_syncobj(&machine, DRM_IOCTL_SYNCOBJ_SIGNAL, handle), 0);
		assert_int_equal(call_on_syncobj(&machine, DRM_IOCTL_SYNCOBJ_RESET, handle), 0);
		if (pthread_tryjoin_np(runners[joined].thread, NULL) == 0) {
			assert_int_equal(runners[joined].result, 0);
			joined++;
		}
	}
	stop(&machine);
}

/* Releasing the GPU wakes a thread that waits for a pending submit. */
static void gpu_released(void **state)
{
	(void)state;
	struct machine machine;
	start(&machine);
	uint32_t handle = create(&machine, 0);
	for (int i = 0; i < 100; i++) {
		vmb_sim_hold_gpu(machine.sim, true);
		struct drm_panthor_sync_op done = signal_op(handle, 0);
		assert_int_equal(submit(&machine, 0, &done, 1), 0);
		struct runner runner = { .machine = &machine, .line = handle };
		pthread_create(&runner.thread, NULL, run_wait, &runner);
		/* Give the thread time to wait before the GPU is released. */
		sched_yield();
		vmb_sim_hold_gpu(machine.sim, false);
		pthread_join(runner.thread, NULL);
		assert_int_equal(runner.result, 0);
	}
	stop(&machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binary),
		cmocka_unit_test(timeline),
		cmocka_unit_test(pending_points),
		cmocka_unit_test(any_and_all),
		cmocka_unit_test(transfers),
		cmocka_unit_test(shared),
		cmocka_unit_test(refused_syncs),
		cmocka_unit_test(binds_wait_in_order),
		cmocka_unit_test(destroyed_while_pending),
		cmocka_unit_test(refused_submits),
		cmocka_unit_test(relay),
		cmocka_unit_test(signalled_and_reset),
		cmocka_unit_test(gpu_released),
	};
	return cmocka_run_group_tests_name("sim syncobj", tests, NULL, NULL);
}
