/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create, fallocate */
#include "backend/host/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend/host/mapping.h"
#include "base/signals.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U /* Linux 6.3 */
#endif

/* The sizes of a shared mapping and of the largest backing in it, in bytes. */
#define SHARED_MAPPING (UINT64_C(16) << 20)
#define SMALL (UINT64_C(1) << 20)

struct vmb_host_mapping {
	struct vmb_host_mapping *next;
	struct vmb_host_mapping **link; /* the pointer to this mapping */
	struct vmb_host_file *file;
	char *map;
	uint64_t offset; /* in the file */
	uint64_t size;
	uint64_t used; /* bytes that backings have taken, from the start */
	uint64_t live; /* bytes of backings that are not freed */
};

/* The sizes of a memfd, in order of preference, in bytes. 32-bit kernels refuse the first. */
static const uint64_t file_sizes[] = { UINT64_C(1) << 62, UINT64_C(1) << 43 };

static void count_call(struct vmb_host_memory *memory)
{
	atomic_fetch_add_explicit(memory->system_calls, 1, memory_order_relaxed);
}

/* With vm.memfd_noexec=2 the kernel requires MFD_NOEXEC_SEAL. Kernels before 6.3 refuse the
 * flag. */
static int create_memfd(void)
{
	int fd = memfd_create("vmbind", MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) {
		fd = memfd_create("vmbind", MFD_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

static int set_size(int fd, uint64_t size)
{
	struct vmb_blocked_signals blocked;

	/* getrlimit(2) may fail in a sandbox, or another thread may lower the limit now. */
	vmb_signals_block(&blocked);
	int ret = ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
	vmb_signals_unblock(&blocked, ret);
	return ret;
}

/* mmap2(2) of a 32-bit process takes the offset in pages of 4 KiB, as a 32-bit number. */
#define MAP_OFFSET_MAX (SIZE_MAX == UINT32_MAX ? UINT64_C(1) << 44 : UINT64_MAX)

/* Makes a memfd as long as possible and as RLIMIT_FSIZE permits. */
static int size_memfd(int fd, uint64_t granularity, uint64_t *size)
{
	struct rlimit limit;
	uint64_t most = MAP_OFFSET_MAX;
	int ret = -EFBIG;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
		uint64_t allowed = limit.rlim_cur / granularity * granularity;
		most = allowed < most ? allowed : most;
	}
	for (size_t i = 0; most && i < sizeof(file_sizes) / sizeof(file_sizes[0]); i++) {
		*size = file_sizes[i] < most ? file_sizes[i] : most;
		ret = set_size(fd, *size);
		if (ret == 0) {
			return 0;
		}
	}
	return ret;
}

static void close_file(struct vmb_host_file *file)
{
	atomic_store_explicit(&file->id, 0, memory_order_relaxed);
	close(file->fd);
}

/* Opens a new memfd for the next mappings. */
static int open_file(struct vmb_host_memory *memory)
{
	struct vmb_host_file *file = memory->files;
	size_t slot = 0;

	memory->file = NULL;
	while (slot < VMB_HOST_FILES && file[slot].id) {
		slot++;
	}
	if (slot == VMB_HOST_FILES) {
		return -ENOSPC;
	}
	file += slot;
	int fd = create_memfd();
	if (fd < 0) {
		return fd;
	}
	int ret = size_memfd(fd, memory->granularity, &file->unused);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	atomic_store_explicit(&file->fd, fd, memory_order_relaxed);
	atomic_store_explicit(&file->is_parents, false, memory_order_relaxed);
	atomic_store_explicit(&file->id, ++memory->files_opened * VMB_HOST_FILES + (uint32_t)slot,
		memory_order_release);
	file->mappings = 0;
	memory->file = file;
	return 0;
}

/* Takes a range of a memfd. Opens another memfd if the current one is full. */
static int take_range(struct vmb_host_memory *memory, uint64_t size)
{
	struct vmb_host_file *full = memory->file;

	if (full && size <= full->unused) {
		full->unused -= size;
		return 0;
	}
	int ret = open_file(memory);
	if (ret < 0) {
		memory->file = full;
		return ret;
	}
	if (full && !full->mappings) {
		close_file(full);
	}
	if (size > memory->file->unused) {
		return -EFBIG;
	}
	memory->file->unused -= size;
	return 0;
}

static int open_mapping(
	struct vmb_host_memory *memory, uint64_t size, struct vmb_host_mapping **opened)
{
	/* The 64-bit size must fit into the address space of the process. */
	if (size > SIZE_MAX / 2) {
		return -ENOMEM;
	}
	struct vmb_host_mapping *mapping = calloc(1, sizeof(*mapping));
	if (!mapping) {
		return -ENOMEM;
	}
	int ret = take_range(memory, size);
	if (ret < 0) {
		goto fail_mapping;
	}
	struct vmb_host_file *file = memory->file;
	count_call(memory);
	mapping->map = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd,
		(off_t)file->unused);
	if (mapping->map == MAP_FAILED) {
		ret = -errno;
		goto fail_range;
	}
	mapping->file = file;
	mapping->offset = file->unused;
	mapping->size = size;
	file->mappings++;
	mapping->next = memory->mappings;
	mapping->link = &memory->mappings;
	if (mapping->next) {
		mapping->next->link = &mapping->next;
	}
	memory->mappings = mapping;
	*opened = mapping;
	return 0;

fail_range:
	file->unused += size;
fail_mapping:
	free(mapping);
	return ret;
}

/* In a child process the file is the parent's, and keeps its memory. */
static void punch_range(struct vmb_host_memory *memory, const struct vmb_host_file *file,
	uint64_t offset, uint64_t size)
{
	if (!file->is_parents) {
		count_call(memory);
		fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
			(off_t)size);
	}
}

static void close_mapping(struct vmb_host_memory *memory, struct vmb_host_mapping *mapping)
{
	struct vmb_host_file *file = mapping->file;

	count_call(memory);
	munmap(mapping->map, (size_t)mapping->size);
	punch_range(memory, file, mapping->offset, mapping->size);
	file->mappings--;
	if (!file->mappings && file != memory->file) {
		close_file(file);
	}
	*mapping->link = mapping->next;
	if (mapping->next) {
		mapping->next->link = mapping->link;
	}
	free(mapping);
}

/* Sets memory->shared to a mapping with room for a small backing. The mapping is as small as the
 * backing if the kernel populates all of it, or if the process has few addresses left. */
static int open_shared_mapping(struct vmb_host_memory *memory, uint64_t size)
{
	struct vmb_host_mapping *old = memory->shared;

	if (old && size <= old->size - old->used) {
		return 0;
	}
	memory->shared = NULL;
	if (old && !old->live) {
		close_mapping(memory, old);
	}
	int ret = -ENOMEM;
	if (!vmb_memory_is_locked()) {
		ret = open_mapping(memory, SHARED_MAPPING, &memory->shared);
	}
	return ret < 0 ? open_mapping(memory, size, &memory->shared) : 0;
}

/* Allocates the pages now. Otherwise a write raises SIGBUS if the system is out of memory. */
static int commit_range(const struct vmb_host_memory *memory,
	const struct vmb_host_mapping *mapping, uint64_t offset, uint64_t size)
{
	int ret = 0;

	/* A signal interrupts a large allocation. */
	do {
		ret = memory->is_committed
			? fallocate(mapping->file->fd, 0, (off_t)offset, (off_t)size)
			: 0;
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : 0;
}

static int take_from_mapping(
	struct vmb_host_memory *memory, uint64_t size, struct vmb_backing *backing)
{
	struct vmb_host_mapping *mapping;

	int ret = size <= SMALL ? open_shared_mapping(memory, size)
				: open_mapping(memory, size, &mapping);
	if (ret < 0) {
		return ret;
	}
	if (size <= SMALL) {
		mapping = memory->shared;
	}
	uint64_t offset = mapping->offset + mapping->used;
	ret = commit_range(memory, mapping, offset, size);
	if (ret < 0) {
		if (mapping != memory->shared) {
			close_mapping(memory, mapping);
		}
		return ret;
	}
	*backing = (struct vmb_backing){
		.id = mapping->file->id,
		.offset = offset,
		.size = size,
		.map = mapping->map + mapping->used,
		.owner = mapping,
	};
	mapping->used += size;
	mapping->live += size;
	return 0;
}

int vmb_host_memory_create(
	struct vmb_host_memory *memory, uint64_t size, struct vmb_backing *backing)
{
	pthread_mutex_lock(&memory->lock);
	int ret = take_from_mapping(memory, size, backing);
	pthread_mutex_unlock(&memory->lock);
	return ret;
}

void vmb_host_memory_destroy(struct vmb_host_memory *memory, const struct vmb_backing *backing)
{
	struct vmb_host_mapping *mapping = backing->owner;

	pthread_mutex_lock(&memory->lock);
	mapping->live -= backing->size;
	if (!mapping->live && mapping != memory->shared) {
		close_mapping(memory, mapping);
	} else {
		punch_range(memory, mapping->file, backing->offset, backing->size);
	}
	pthread_mutex_unlock(&memory->lock);
}

int vmb_host_memory_map_at(
	struct vmb_host_memory *memory, void *at, size_t size, uint32_t id, uint64_t offset)
{
	const struct vmb_host_file *file = &memory->files[id % VMB_HOST_FILES];

	if (atomic_load_explicit(&file->id, memory_order_acquire) != id) {
		return -EBADF;
	}
	int sharing = file->is_parents ? MAP_PRIVATE : MAP_SHARED;
	void *map = mmap(
		at, size, PROT_READ | PROT_WRITE, sharing | MAP_FIXED, file->fd, (off_t)offset);
	/* Bound memory is in core dumps twice: here and in its mapping. An madvise(2) would cost a
	 * third of the bind. */
	return map == MAP_FAILED ? -errno : 0;
}

/* Makes the memory private to a child process: the child gets a copy, and the parent's memory stays
 * as it is. */
static void make_private(struct vmb_fork_watch *watch)
{
	struct vmb_host_memory *memory = (struct vmb_host_memory *)watch;

	for (struct vmb_host_mapping *mapping = memory->mappings; mapping;
		mapping = mapping->next) {
		mmap(mapping->map, (size_t)mapping->size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_FIXED, mapping->file->fd, (off_t)mapping->offset);
		atomic_store_explicit(&mapping->file->is_parents, true, memory_order_relaxed);
	}
	if (memory->file) {
		atomic_store_explicit(&memory->file->is_parents, true, memory_order_relaxed);
	}
	memory->file = NULL;
	memory->shared = NULL;
}

int vmb_host_memory_init(
	struct vmb_host_memory *memory, uint64_t granularity, _Atomic uint64_t *system_calls)
{
	memset(memory, 0, sizeof(*memory));
	memory->granularity = granularity;
	memory->system_calls = system_calls;
	memory->is_committed = vmb_memory_is_committed();
	int ret = open_file(memory);
	if (ret < 0) {
		return ret;
	}
	pthread_mutex_init(&memory->lock, NULL);
	memory->fork_watch.lock = &memory->lock;
	memory->fork_watch.in_child = make_private;
	ret = vmb_fork_watch_add(&memory->fork_watch);
	if (ret < 0) {
		close_file(memory->file);
		pthread_mutex_destroy(&memory->lock);
	}
	return ret;
}

void vmb_host_memory_finish(struct vmb_host_memory *memory)
{
	vmb_fork_watch_remove(&memory->fork_watch);
	while (memory->mappings) {
		close_mapping(memory, memory->mappings);
	}
	for (size_t i = 0; i < VMB_HOST_FILES; i++) {
		if (memory->files[i].id) {
			close_file(&memory->files[i]);
		}
	}
	pthread_mutex_destroy(&memory->lock);
}
