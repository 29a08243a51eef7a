/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create, fallocate */
#include "backend/host/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend/host/backing_cache.h"

/*
 * One memfd holds all memory: an application may make thousands of allocations, but a process can
 * open only some hundred files. The memfd is sparse, and new ranges have rising offsets. A freed
 * range is punched out, but its offsets are not reused: a resource may still map them. 2^62 bytes
 * of offsets last for years. Only memory that was never bound is reused, by the cache.
 */
struct host_vm {
	struct vmb_vm base;
	int memfd;
	uint64_t file_size;
	_Atomic uint64_t next_offset;
	struct vmb_backing_cache cache;
};

#define RESERVATION_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

/* The sizes of the memfd to attempt, in bytes. 32-bit kernels refuse the first. */
static const uint64_t file_sizes[] = { UINT64_C(1) << 62, (UINT64_C(1) << 43) };

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

/* Whether the 64-bit size fits into the address space of the process. */
static bool fits(uint64_t size)
{
	return size <= SIZE_MAX / 2;
}

static int host_reserve(
	struct vmb_vm *vm, uint64_t size, uint64_t alignment, struct vmb_reservation *reservation)
{
	struct host_vm *host = host_vm(vm);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t slack = alignment > page ? alignment - page : 0;

	if (!fits(size) || !fits(size + slack)) {
		return -ENOMEM;
	}
	count_call(host);
	char *start = mmap(
		NULL, (size_t)(size + slack), PROT_READ | PROT_WRITE, RESERVATION_FLAGS, -1, 0);
	if (start == MAP_FAILED) {
		return -errno;
	}
	if (slack) {
		size_t head = (size_t)(-(uintptr_t)start & (alignment - 1));
		size_t tail = (size_t)slack - head;
		if (head) {
			munmap(start, head);
		}
		if (tail) {
			munmap(start + head + size, tail);
		}
		start += head;
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

/* Returns the offset of a new range of the memfd, or UINT64_MAX if the memfd is full. */
static uint64_t take_range(struct host_vm *host, uint64_t size)
{
	uint64_t offset = atomic_load_explicit(&host->next_offset, memory_order_relaxed);

	do {
		if (offset > host->file_size - size) {
			return UINT64_MAX;
		}
	} while (!atomic_compare_exchange_weak_explicit(&host->next_offset, &offset, offset + size,
		memory_order_relaxed, memory_order_relaxed));
	return offset;
}

/* Undoes take_range(), unless another thread has taken the next range since. */
static void return_range(struct host_vm *host, uint64_t offset, uint64_t size)
{
	uint64_t end = offset + size;

	atomic_compare_exchange_strong_explicit(
		&host->next_offset, &end, offset, memory_order_relaxed, memory_order_relaxed);
}

static int host_memory_create(struct vmb_vm *vm, uint64_t size, struct vmb_backing *backing)
{
	struct host_vm *host = host_vm(vm);

	if (vmb_backing_cache_take(&host->cache, size, backing)) {
		return 0;
	}
	if (!fits(size) || size > host->file_size) {
		return -ENOMEM;
	}
	uint64_t offset = take_range(host, size);
	if (offset == UINT64_MAX) {
		return -ENOSPC;
	}
	count_call(host);
	void *map = mmap(
		NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, host->memfd, (off_t)offset);
	if (map == MAP_FAILED) {
		int ret = -errno;
		return_range(host, offset, size);
		return ret;
	}
	*backing = (struct vmb_backing){ .offset = offset, .size = size, .map = map };
	return 0;
}

static void free_backing(struct host_vm *host, const struct vmb_backing *backing)
{
	count_call(host);
	munmap(backing->map, (size_t)backing->size);
	count_call(host);
	fallocate(host->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)backing->offset,
		(off_t)backing->size);
}

static void host_memory_destroy(
	struct vmb_vm *vm, const struct vmb_backing *backing, bool was_bound)
{
	struct host_vm *host = host_vm(vm);
	struct vmb_backing evicted;

	if (backing->size == 0) {
		return;
	}
	if (was_bound || backing->size > VMB_CACHE_ENTRY_BYTES) {
		free_backing(host, backing);
		return;
	}
	/* Other threads use the cache, too: it may be full here and empty one line below. */
	while (!vmb_backing_cache_put(&host->cache, backing)) {
		if (vmb_backing_cache_evict(&host->cache, &evicted)) {
			free_backing(host, &evicted);
		}
	}
}

static void host_destroy(struct vmb_vm *vm)
{
	struct host_vm *host = host_vm(vm);
	struct vmb_backing backing;

	while (vmb_backing_cache_evict(&host->cache, &backing)) {
		free_backing(host, &backing);
	}
	vmb_backing_cache_finish(&host->cache);
	close(host->memfd);
	free(host);
}

static int host_execute_one(struct host_vm *host, const struct vmb_op *op)
{
	void *at = address(op->va);
	void *map;

	count_call(host);
	switch (op->kind) {
	case VMB_OP_MAP:
		map = mmap(at, (size_t)op->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			host->memfd, (off_t)op->offset);
		break;
	case VMB_OP_SPARSE:
		map = mmap(at, (size_t)op->size, PROT_READ | PROT_WRITE,
			RESERVATION_FLAGS | MAP_FIXED, -1, 0);
		break;
	default:
		return munmap(at, (size_t)op->size) == 0 ? 0 : -errno;
	}
	return map == MAP_FAILED ? -errno : 0;
}

static int host_execute_traced(struct host_vm *host, const struct vmb_op *op)
{
	static const char *const kinds[] = {
		[VMB_OP_MAP] = "map",
		[VMB_OP_SPARSE] = "sparse",
		[VMB_OP_UNMAP] = "unmap",
	};
	uint64_t start = vmb_trace_now();
	int ret = host_execute_one(host, op);
	const struct vmb_trace_op event = {
		.kind = kinds[op->kind],
		.va = op->va,
		.size = op->size,
		.backing = op->backing,
		.offset = op->offset,
		.error = ret,
	};

	vmb_trace_op(host->base.trace, &event, start, vmb_trace_now());
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

/* Makes the memfd as long as possible, but not longer than RLIMIT_FSIZE, which would raise
 * SIGXFSZ. */
static int size_file(struct host_vm *host)
{
	struct rlimit limit;
	uint64_t most = UINT64_MAX;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
		most = limit.rlim_cur / host->base.granularity * host->base.granularity;
	}
	int ret = -EFBIG;
	for (size_t i = 0; i < sizeof(file_sizes) / sizeof(file_sizes[0]); i++) {
		uint64_t size = file_sizes[i] < most ? file_sizes[i] : most;
		if (ftruncate(host->memfd, (off_t)size) == 0) {
			host->file_size = size;
			return 0;
		}
		ret = -errno;
	}
	return ret;
}

int vmb_host_vm_create(uint64_t granularity, struct vmb_trace *trace, struct vmb_vm **vm)
{
	struct host_vm *host = calloc(1, sizeof(*host));
	int ret;

	if (!host) {
		return -ENOMEM;
	}
	vmb_vm_init(&host->base, &host_interface, granularity, trace);
	host->memfd = memfd_create("vmbind", MFD_CLOEXEC);
	if (host->memfd < 0) {
		ret = -errno;
		goto fail_alloc;
	}
	ret = size_file(host);
	if (ret < 0) {
		goto fail_file;
	}
	vmb_backing_cache_init(&host->cache);
	*vm = &host->base;
	return 0;

fail_file:
	close(host->memfd);
fail_alloc:
	free(host);
	return ret;
}

uint64_t vmb_host_address_space(void)
{
	/* Starts with half of the process's addresses on 48-bit hardware, which leaves room for the
	 * rest of the process. mmap() fails if the address space is smaller, and under RLIMIT_AS or
	 * strict overcommit. */
	uint64_t size = UINT64_C(1) << (sizeof(void *) > 4 ? 46 : 30);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	for (; size > page; size /= 2) {
		void *map = mmap(
			NULL, (size_t)size, PROT_READ | PROT_WRITE, RESERVATION_FLAGS, -1, 0);
		if (map != MAP_FAILED) {
			munmap(map, (size_t)size);
			return size;
		}
	}
	return 0;
}
