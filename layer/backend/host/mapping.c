/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* mremap, mincore, MADV_DONTDUMP */
#include "backend/host/mapping.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define ANONYMOUS (MAP_ANONYMOUS | MAP_NORESERVE)
#define UNBOUND_FLAGS (MAP_PRIVATE | ANONYMOUS)

/* Half of these pages become mappings of their own. */
#define SPARE_PAGES 256
#define FEW_PAGES (SPARE_PAGES / 2)

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

bool vmb_memory_is_locked(void)
{
	size_t page = page_size();
	unsigned char resident = 0;
	void *map = mmap(NULL, page, PROT_READ | PROT_WRITE, UNBOUND_FLAGS, -1, 0);

	if (map == MAP_FAILED) {
		return false;
	}
	mincore(map, page, &resident);
	munmap(map, page);
	return resident & 1;
}

static bool can_map(uint64_t size, int protection)
{
	void *map = mmap(NULL, (size_t)size, protection, UNBOUND_FLAGS, -1, 0);

	if (map != MAP_FAILED) {
		munmap(map, (size_t)size);
	}
	return map != MAP_FAILED;
}

/* More than any machine commits, but less than the addresses of a process. */
#define UNCOMMITTABLE (UINT64_C(1) << (sizeof(void *) > 4 ? 44 : 30))

bool vmb_memory_is_committed(void)
{
	return !vmb_memory_is_locked() && can_map(UNCOMMITTABLE, PROT_NONE) &&
		!can_map(UNCOMMITTABLE, PROT_READ | PROT_WRITE);
}

uint64_t vmb_host_address_space(void)
{
	/* Starts with half of the process's addresses on 48-bit hardware, which leaves room for the
	 * rest of the process. Locked memory would be populated, so it is mapped without access. */
	uint64_t size = UINT64_C(1) << (sizeof(void *) > 4 ? 46 : 30);
	int protection = vmb_memory_is_locked() ? PROT_NONE : PROT_READ | PROT_WRITE;

	while (size > page_size() && !can_map(size, protection)) {
		size /= 2;
	}
	return size > page_size() ? size : 0;
}

/* Maps a range without access whose start is a multiple of the alignment. sharing: MAP_PRIVATE or
 * MAP_SHARED. */
static int map_aligned(size_t size, size_t alignment, int sharing, char **map)
{
	size_t page = page_size();
	size_t slack = alignment > page ? alignment - page : 0;

	if (size > SIZE_MAX / 2 || slack > SIZE_MAX / 2 - size) {
		return -ENOMEM;
	}
	char *start = mmap(NULL, size + slack, PROT_NONE, sharing | ANONYMOUS, -1, 0);
	if (start == MAP_FAILED) {
		return -errno;
	}
	size_t head = -(uintptr_t)start & (alignment - 1);
	if (slack && head) {
		munmap(start, head);
		start += head;
	}
	if (slack > head) {
		munmap(start + size, slack - head);
	}
	*map = start;
	return 0;
}

static int map_unbound(size_t size, size_t alignment, int sharing, char **map)
{
	/* Under mlockall(MCL_FUTURE) the kernel populates each new mapping that is accessible. So
	 * the range becomes accessible after munlock(). */
	char *start = NULL;

	int ret = map_aligned(size, alignment, sharing, &start);
	if (ret < 0) {
		return ret;
	}
	if (munlock(start, size) < 0 || mprotect(start, size, PROT_READ | PROT_WRITE) < 0) {
		ret = -errno;
		munmap(start, size);
		return ret;
	}
	madvise(start, size, MADV_DONTDUMP);
	*map = start;
	return 0;
}

int vmb_map_unbound(size_t size, size_t alignment, char **map)
{
	return map_unbound(size, alignment, MAP_PRIVATE, map);
}

/* mremap(2) unmaps the range at at before the last check of a private mapping's commitment. Another
 * process can make this check fail at any time. The memory of a shared mapping is committed by
 * mmap(2), and has no later check. */
static int move_unbound_to(void *at, size_t size)
{
	char *map;

	int ret = map_unbound(size, page_size(), MAP_SHARED, &map);
	if (ret < 0) {
		return ret;
	}
	if (mremap(map, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at) == MAP_FAILED) {
		ret = -errno;
		munmap(map, size);
	}
	return ret;
}

int vmb_map_unbound_at(void *at, size_t size, bool careful)
{
	if (careful) {
		return move_unbound_to(at, size);
	}
	if (mmap(at, size, PROT_READ | PROT_WRITE, UNBOUND_FLAGS | MAP_FIXED, -1, 0) ==
		MAP_FAILED) {
		return -errno;
	}
	madvise(at, size, MADV_DONTDUMP);
	return 0;
}

void vmb_spare_mappings_init(struct vmb_spare_mappings *spare)
{
	pthread_mutex_init(&spare->lock, NULL);
	atomic_init(&spare->map, NULL);
}

static void give_back(struct vmb_spare_mappings *spare)
{
	void *map = atomic_exchange(&spare->map, NULL);

	if (map) {
		munmap(map, SPARE_PAGES * page_size());
	}
}

void vmb_spare_mappings_finish(struct vmb_spare_mappings *spare)
{
	give_back(spare);
	pthread_mutex_destroy(&spare->lock);
}

/* Neighbouring pages with different protection are different mappings. */
static void *map_spare(size_t pages)
{
	size_t page = page_size();
	char *map = mmap(NULL, pages * page, PROT_NONE, UNBOUND_FLAGS, -1, 0);

	if (map == MAP_FAILED) {
		return NULL;
	}
	munlock(map, pages * page);
	for (size_t i = 1; i < pages; i += 2) {
		if (mprotect(map + i * page, page, PROT_READ) < 0) {
			munmap(map, pages * page);
			return NULL;
		}
	}
	return map;
}

int vmb_spare_mappings_take(struct vmb_spare_mappings *spare)
{
	if (atomic_load_explicit(&spare->map, memory_order_relaxed)) {
		return 0;
	}
	pthread_mutex_lock(&spare->lock);
	if (!atomic_load(&spare->map)) {
		atomic_store(&spare->map, map_spare(SPARE_PAGES));
	}
	int ret = atomic_load(&spare->map) ? 0 : -ENOMEM;
	pthread_mutex_unlock(&spare->lock);
	return ret;
}

void *vmb_few_mappings_take(void)
{
	return map_spare(FEW_PAGES);
}

void vmb_few_mappings_give_back(void *few)
{
	if (few) {
		munmap(few, FEW_PAGES * page_size());
	}
}

int vmb_spare_mappings_check(struct vmb_spare_mappings *spare, int error)
{
	if (error == -ENOMEM) {
		give_back(spare);
	}
	return error;
}
