/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create */
#include <sys/mman.h>
#include <unistd.h>

#include "pages.h"

#define NO_MEMORY (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

void bench_direct_init(struct bench_direct *direct, const struct bench_pages *pages)
{
	*direct = (struct bench_direct){
		.pages = pages,
		.start = mmap(NULL, pages->size, PROT_READ | PROT_WRITE, NO_MEMORY, -1, 0),
		.file = memfd_create("vmbind-bench", MFD_CLOEXEC),
	};
	if (direct->start == MAP_FAILED || direct->file < 0 ||
		ftruncate(direct->file, (off_t)pages->size) < 0) {
		vku_fail("cannot create or map the file for direct mmap calls");
	}
	direct->map = mmap(NULL, pages->size, PROT_READ | PROT_WRITE, MAP_SHARED, direct->file, 0);
	if (direct->map == MAP_FAILED) {
		vku_fail("cannot create or map the file for direct mmap calls");
	}
}

void bench_direct_finish(struct bench_direct *direct)
{
	munmap(direct->start, direct->pages->size);
	munmap(direct->map, direct->pages->size);
	close(direct->file);
	*direct = (struct bench_direct){ .file = -1 };
}

void bench_direct_run(struct bench_direct *direct, const struct bench_work *work)
{
	const struct bench_range *range = direct->pages->ranges[work->list];
	const struct bench_range *end = range + direct->pages->counts[work->list];

	for (; range < end; range++) {
		void *map = mmap(direct->start + range->at, range->size, PROT_READ | PROT_WRITE,
			(range->bound ? MAP_SHARED : NO_MEMORY) | MAP_FIXED,
			range->bound ? direct->file : -1, range->bound ? (off_t)range->from : 0);
		if (map == MAP_FAILED) {
			vku_fail("mmap failed; vm.max_map_count must be at least 65530");
		}
	}
}
