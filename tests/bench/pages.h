/* SPDX-License-Identifier: MIT */
#ifndef VMB_BENCH_PAGES_H
#define VMB_BENCH_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "measure.h"
#include "subject.h"

/* 100 MB in pages of 4 KiB. */
#define BENCH_PAGES 24415

/* What is bound, and in which order. */
enum bench_list {
	BENCH_NOTHING,
	BENCH_WHOLE, /* all of it, as one range */
	BENCH_CONTIGUOUS, /* page after page */
	BENCH_SCATTERED, /* page by page in random order, and no two neighbours to neighbours */
	BENCH_SORTED, /* the same, in the order of the addresses */
	BENCH_NULL_WHOLE, /* all of it to no memory */
	BENCH_NULL_PAGES, /* page after page to no memory */
	BENCH_LISTS,
};

struct bench_range {
	uint64_t at;
	uint64_t size;
	uint64_t from; /* offset in the memory */
	bool bound;
};

struct bench_pages {
	uint64_t page; /* bytes */
	uint64_t size; /* of all of them */
	struct bench_range *ranges[BENCH_LISTS];
	uint32_t counts[BENCH_LISTS];
};

void bench_pages_init(struct bench_pages *pages, uint64_t page, uint32_t count);
void bench_pages_finish(struct bench_pages *pages);

struct bench_work {
	enum bench_list list;
	bool one_call; /* or one vkQueueBindSparse for each range */
};

/* The pages as a sparse buffer and memory for it. */
struct bench_buffer {
	const struct bench_subject *subject;
	const struct bench_pages *pages;
	VkBuffer buffer;
	VkDeviceMemory memory;
	VkFence fence;
	VkSparseMemoryBind *binds[BENCH_LISTS];
};

/* The size of what can be bound. */
VkDeviceSize bench_page_size(const struct bench_subject *subject);
void bench_buffer_init(struct bench_buffer *buffer, const struct bench_subject *subject,
	const struct bench_pages *pages);
void bench_buffer_finish(struct bench_buffer *buffer);
/* Returns when the device has done it. */
void bench_buffer_run(struct bench_buffer *buffer, const struct bench_work *work);

/* The pages as a range of our own and a file: what must be done in any case. */
struct bench_direct {
	const struct bench_pages *pages;
	char *start;
	void *map; /* of the file, as an application has its memory mapped */
	int file;
};

void bench_direct_init(struct bench_direct *direct, const struct bench_pages *pages);
void bench_direct_finish(struct bench_direct *direct);
/* One mmap() for each range; one_call has no meaning. */
void bench_direct_run(struct bench_direct *direct, const struct bench_work *work);

#endif
