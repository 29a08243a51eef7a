/* SPDX-License-Identifier: MIT */
#include "backend/host/vm.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "backend/host/mapping.h"
#include "backend/host/memory.h"
#include "base/clock.h"

struct host_vm {
	struct vmb_vm base;
	struct vmb_host_memory memory;
	struct vmb_spare_mappings spare;
	/* See vmb_map_unbound_at(). */
	atomic_bool is_careful;
};

static struct host_vm *host_vm(struct vmb_vm *vm)
{
	return (struct host_vm *)vm;
}

static void count_call(struct host_vm *host)
{
	atomic_fetch_add_explicit(&host->base.system_calls, 1, memory_order_relaxed);
}

static void *address(uint64_t va)
{
	return (void *)(uintptr_t)va;
}

static int host_reserve(
	struct vmb_vm *vm, uint64_t size, uint64_t alignment, struct vmb_reservation *reservation)
{
	struct host_vm *host = host_vm(vm);
	char *start;

	/* The 64-bit sizes must fit into the address space of the process. */
	if (size > SIZE_MAX / 2 || alignment > SIZE_MAX) {
		return -ENOMEM;
	}
	int ret = vmb_spare_mappings_take(&host->spare);
	if (ret < 0) {
		return ret;
	}
	/* The application may call mlockall() at any time. */
	atomic_store_explicit(&host->is_careful,
		host->memory.is_committed || vmb_memory_is_locked(), memory_order_relaxed);
	count_call(host);
	ret = vmb_map_unbound((size_t)size, (size_t)alignment, &start);
	if (ret < 0) {
		return vmb_spare_mappings_check(&host->spare, ret);
	}
	*reservation = (struct vmb_reservation){ .va = (uintptr_t)start, .size = size };
	return 0;
}

static void host_release(struct vmb_vm *vm, const struct vmb_reservation *reservation)
{
	if (reservation->size == 0) {
		return;
	}
	count_call(host_vm(vm));
	munmap(address(reservation->va), (size_t)reservation->size);
}

static int host_memory_create(struct vmb_vm *vm, uint64_t size, struct vmb_backing *backing)
{
	struct host_vm *host = host_vm(vm);

	int ret = vmb_spare_mappings_take(&host->spare);
	if (ret == 0) {
		ret = vmb_host_memory_create(&host->memory, size, backing);
	}
	return vmb_spare_mappings_check(&host->spare, ret);
}

static void host_memory_destroy(struct vmb_vm *vm, const struct vmb_backing *backing)
{
	if (backing->size) {
		vmb_host_memory_destroy(&host_vm(vm)->memory, backing);
	}
}

static void host_destroy(struct vmb_vm *vm)
{
	struct host_vm *host = host_vm(vm);

	vmb_host_memory_finish(&host->memory);
	vmb_spare_mappings_finish(&host->spare);
	free(host);
}

static int host_execute_one(struct host_vm *host, const struct vmb_op *op)
{
	void *at = address(op->va);

	void *few = NULL;

	int ret = vmb_spare_mappings_take(&host->spare);
	if (ret < 0) {
		few = op->kind == VMB_OP_MAP ? NULL : vmb_few_mappings_take();
		if (!few) {
			return ret;
		}
	}
	count_call(host);
	switch (op->kind) {
	case VMB_OP_MAP:
		ret = vmb_host_memory_map_at(
			&host->memory, at, (size_t)op->size, op->backing, op->offset);
		break;
	case VMB_OP_SPARSE:
		ret = vmb_map_unbound_at(at, (size_t)op->size,
			atomic_load_explicit(&host->is_careful, memory_order_relaxed));
		break;
	default:
		ret = munmap(at, (size_t)op->size) == 0 ? 0 : -errno;
		break;
	}
	vmb_few_mappings_give_back(few);
	return vmb_spare_mappings_check(&host->spare, ret);
}

static int host_execute_traced(struct host_vm *host, const struct vmb_op *op)
{
	static const char *const kinds[] = {
		[VMB_OP_MAP] = "map",
		[VMB_OP_SPARSE] = "sparse",
		[VMB_OP_UNMAP] = "unmap",
	};
	uint64_t start = vmb_clock_ns();
	int ret = host_execute_one(host, op);
	const struct vmb_trace_op event = {
		.kind = kinds[op->kind],
		.va = op->va,
		.size = op->size,
		.backing = op->backing,
		.offset = op->offset,
		.error = ret,
	};

	vmb_trace_op(host->base.trace, &event, start, vmb_clock_ns());
	return ret;
}

static int host_execute(struct vmb_vm *vm, const struct vmb_op *ops, size_t count, size_t *done)
{
	for (*done = 0; *done < count; (*done)++) {
		const struct vmb_op *op = &ops[*done];
		int ret = vm->trace ? host_execute_traced(host_vm(vm), op)
				    : host_execute_one(host_vm(vm), op);
		if (ret < 0) {
			return ret;
		}
	}
	return 0;
}

static const struct vmb_vm_interface host_interface = {
	.name = "host",
	.destroy = host_destroy,
	.reserve = host_reserve,
	.release = host_release,
	.memory_create = host_memory_create,
	.memory_destroy = host_memory_destroy,
	.execute = host_execute,
};

int vmb_host_vm_create(uint64_t granularity, struct vmb_trace *trace, struct vmb_vm **vm)
{
	struct host_vm *host = calloc(1, sizeof(*host));
	int ret;

	if (!host) {
		return -ENOMEM;
	}
	vmb_vm_init(&host->base, &host_interface, granularity, trace);
	vmb_spare_mappings_init(&host->spare);
	ret = vmb_host_memory_init(&host->memory, granularity, &host->base.system_calls);
	if (ret < 0) {
		vmb_spare_mappings_finish(&host->spare);
		free(host);
		return ret;
	}
	*vm = &host->base;
	return 0;
}
