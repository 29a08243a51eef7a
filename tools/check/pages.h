/* SPDX-License-Identifier: MIT */
#ifndef VMB_CHECK_PAGES_H
#define VMB_CHECK_PAGES_H

#include "gpu.h"

/*
 * A sparse buffer, memory to bind, and a model of what is bound where. A page is the sparse block
 * size of buffers.
 */

#define PAGES_MAX 1024

struct pages {
	struct gpu *gpu;
	VkBuffer buffer;
	uint32_t count;
	bool is_resident; /* pages may be unbound while the GPU uses the buffer */
	struct pool pool;
	int bound[PAGES_MAX]; /* the page of the pool; -1 if unbound */
	uint32_t seeds[PAGES_MAX]; /* of the pattern in each page of the pool */
	uint32_t *words; /* of the whole buffer or pool */
};

/* flags: in addition to SPARSE_BINDING. Fills the pool; nothing is bound yet. */
void pages_init(struct gpu *gpu, struct pages *p, uint32_t count, uint32_t pool_pages,
	VkBufferCreateFlags flags);
void pages_finish(struct pages *p);

/* A bind of count pages. from: the first page of the pool; -1 unbinds. Also changes the model. */
VkSparseMemoryBind pages_bind(struct pages *p, uint32_t at, uint32_t count, int from);

/*
 * Runs a script: calls of vkQueueBindSparse, separated by ';', each followed by a check of all
 * pages. A call is a list of binds AT+COUNT=FROM. FROM is a page of the pool, or '-' for NULL:
 * "0+64=0; 8+4=- 3+1=70" binds everything, then unbinds four pages and replaces one.
 */
void pages_run(struct pages *p, const char *script);

/* The GPU reads all bound pages, writes all pages, and neither finds nor leaves a wrong word in the
 * pool. */
void pages_verify(struct pages *p);
/* The GPU reads the pattern of the pool's page through the buffer's page. */
void pages_expect(struct pages *p, uint32_t at);
/* The memory has its patterns, read without a sparse bind. */
void pages_expect_pool(struct pages *p);

#endif
