/* SPDX-License-Identifier: MIT */
#ifndef VMB_BENCH_PAGES_H
#define VMB_BENCH_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "measure.h"
#include "subject.h"

/* 100 MB in pages of 4 KiB. */
#define BENCH_PAGES 24415

/* The ranges to bind, and their order. */
enum bench_list {
	BENCH_UNBOUND,
	BENCH_WHOLE, /* all pages, as one range */
	BENCH_CONTIGUOUS, /* page after page */
	BENCH_SHUFFLED, /* the binds of BENCH_CONTIGUOUS in random order */
	BENCH_SCATTERED, /* page by page in random order, to random pages of the memory */
	BENCH_SORTED, /* the binds of BENCH_SCATTERED in ascending order of the addresses */
	BENCH_NULL_WHOLE, /* one range to VK_NULL_HANDLE */
	BENCH_NULL_PAGES, /* page after page to VK_NULL_HANDLE */
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
	uint64_t size; /* of all pages, in bytes */
	struct bench_range *ranges[BENCH_LISTS];
	uint32_t counts[BENCH_LISTS];
};

void bench_pages_init(struct bench_pages *pages, uint64_t page, uint32_t count);
void bench_pages_finish(struct bench_pages *pages);

struct bench_work {
	enum bench_list list;
	bool one_call; /* false: one vkQueueBindSparse for each range */
};

/* A sparse buffer with these pages, and memory for all of them. */
struct bench_buffer {
	const struct bench_subject *subject;
	const struct bench_pages *pages;
	VkBuffer buffer;
	VkDeviceMemory memory;
	VkFence fence;
	VkSparseMemoryBind *binds[BENCH_LISTS];
};

/* The alignment of sparse binds. */
VkDeviceSize bench_page_size(const struct bench_subject *subject);
void bench_buffer_init(struct bench_buffer *buffer, const struct bench_subject *subject,
	const struct bench_pages *pages);
void bench_buffer_finish(struct bench_buffer *buffer);
/* Binds, and waits for the device. */
void bench_buffer_run(struct bench_buffer *buffer, const struct bench_work *work);

/* The pages as an address range and a file: the least work that binding them takes. */
struct bench_direct {
	const struct bench_pages *pages;
	char *start;
	void *map; /* of the file, like an application's vkMapMemory */
	int file;
};

void bench_direct_init(struct bench_direct *direct, const struct bench_pages *pages);
void bench_direct_finish(struct bench_direct *direct);
/* Makes one mmap() call for each range; ignores one_call. */
void bench_direct_run(struct bench_direct *direct, const struct bench_work *work);

#endif
