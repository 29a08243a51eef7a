/* SPDX-License-Identifier: MIT */
#include "pages.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

static uint32_t page_words(const struct pages *p)
{
	return (uint32_t)(p->pool.page / 4);
}

static void fill_pool(struct pages *p)
{
	for (uint32_t i = 0; i < p->pool.pages; i++) {
		p->seeds[i] = i + 1;
		gpu_write(p->gpu, p->pool.view, i * p->pool.page, p->pool.page, i * page_words(p),
			p->seeds[i]);
	}
}

void pages_init(struct gpu *gpu, struct pages *p, uint32_t count, uint32_t pool_pages,
	VkBufferCreateFlags flags)
{
	uint32_t most = count > pool_pages ? count : pool_pages;

	*p = (struct pages){
		.gpu = gpu,
		.count = count,
		.is_resident = flags & VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT,
	};
	VkBuffer probe = gpu_sparse_buffer(gpu, 4, flags);
	VkDeviceSize page = vku_buffer_requirements(&gpu->vk, probe).alignment;
	vkDestroyBuffer(gpu->vk.device, probe, NULL);

	p->buffer = gpu_sparse_buffer(gpu, count * page, flags);
	VkMemoryRequirements requirements = vku_buffer_requirements(&gpu->vk, p->buffer);
	pool_init(gpu, &p->pool, &requirements, pool_pages);
	for (uint32_t i = 0; i < count; i++) {
		p->bound[i] = -1;
	}
	p->words = malloc(most * p->pool.page);
	if (!p->words) {
		check_skip("the process has no %" PRIu64 " MiB of memory",
			(uint64_t)(most * p->pool.page >> 20));
	}
	fill_pool(p);
}

void pages_finish(struct pages *p)
{
	VKU_CHECK(vkDeviceWaitIdle(p->gpu->vk.device));
	vkDestroyBuffer(p->gpu->vk.device, p->buffer, NULL);
	pool_finish(p->gpu, &p->pool);
	free(p->words);
}

VkSparseMemoryBind pages_bind(struct pages *p, uint32_t at, uint32_t count, int from)
{
	for (uint32_t i = 0; i < count; i++) {
		p->bound[at + i] = from < 0 ? -1 : from + (int)i;
	}
	return (VkSparseMemoryBind){
		.resourceOffset = at * p->pool.page,
		.size = count * p->pool.page,
		.memory = from < 0 ? VK_NULL_HANDLE : p->pool.memory,
		.memoryOffset = from < 0 ? 0 : (VkDeviceSize)from * p->pool.page,
	};
}

/* Compares words with the pattern of a page of the pool. */
static void compare(
	const struct pages *p, const uint32_t *words, int from, const char *whose, uint32_t page)
{
	uint32_t first = (uint32_t)from * page_words(p);

	for (uint32_t i = 0; i < page_words(p); i++) {
		uint32_t expected = gpu_pattern(first + i, p->seeds[from]);
		if (words[i] != expected) {
			check_fail("%s page %u (of %" PRIu64
				   " bytes) has 0x%08x at byte %u, not the 0x%08x of memory page "
				   "%d",
				whose, page, (uint64_t)p->pool.page, words[i], i * 4, expected,
				from);
		}
	}
}

void pages_expect_pool(struct pages *p)
{
	gpu_read(p->gpu, p->pool.view, 0, p->pool.pages * p->pool.page, p->words);
	for (uint32_t i = 0; i < p->pool.pages; i++) {
		compare(p, p->words + (size_t)i * page_words(p), (int)i, "memory", i);
	}
}

void pages_expect(struct pages *p, uint32_t at)
{
	gpu_read(p->gpu, p->buffer, at * p->pool.page, p->pool.page, p->words);
	compare(p, p->words, p->bound[at], "buffer", at);
}

/* The first page from which on no page is like this one. */
static uint32_t run_end(const struct pages *p, uint32_t at)
{
	bool bound = p->bound[at] >= 0;

	while (at < p->count && (p->bound[at] >= 0) == bound) {
		at++;
	}
	return at;
}

static void read_bound(struct pages *p)
{
	for (uint32_t at = 0, end; at < p->count; at = end) {
		end = run_end(p, at);
		if (p->bound[at] < 0) {
			continue;
		}
		gpu_read(p->gpu, p->buffer, at * p->pool.page, (end - at) * p->pool.page, p->words);
		for (uint32_t i = at; i < end; i++) {
			compare(p, p->words + (size_t)(i - at) * page_words(p), p->bound[i],
				"buffer", i);
		}
	}
}

/* A write that must reach no memory. Without residency it is not allowed. */
static void write_unbound(struct pages *p, uint32_t at)
{
	if (p->is_resident) {
		gpu_write(p->gpu, p->buffer, at * p->pool.page, p->pool.page, 0, 0x7777);
	}
}

/* Each bound page gets a new pattern through the buffer. Of the pages that share a page of the
 * pool, the last one writes last, and the model keeps its pattern. */
static void write_bound(struct pages *p)
{
	for (uint32_t at = 0; at < p->count; at++) {
		int from = p->bound[at];
		if (from < 0) {
			write_unbound(p, at);
			continue;
		}
		p->seeds[from] += 1000;
		gpu_write(p->gpu, p->buffer, at * p->pool.page, p->pool.page,
			(uint32_t)from * page_words(p), p->seeds[from]);
	}
}

void pages_verify(struct pages *p)
{
	read_bound(p);
	pages_expect_pool(p);
	write_bound(p);
	pages_expect_pool(p);
	read_bound(p);
}

/* One bind of a script; returns its length. */
static int parse_bind(struct pages *p, const char *text, VkSparseMemoryBind *bind)
{
	unsigned at, count;
	int length = 0, from = -1;

	if (sscanf(text, " %u+%u=%n", &at, &count, &length) == 2 && length > 0) {
		int digits = 0;
		if (text[length] == '-') {
			digits = 1;
		} else if (sscanf(text + length, "%d%n", &from, &digits) != 1) {
			from = -1;
		}
		if (digits > 0 && at + count <= p->count &&
			from + (int)count <= (int)p->pool.pages) {
			*bind = pages_bind(p, at, count, from);
			return length + digits;
		}
	}
	check_fail("vmbind-check has a wrong script at '%s'", text);
}

void pages_run(struct pages *p, const char *script)
{
	VkSparseMemoryBind binds[32];
	uint32_t count = 0;

	for (const char *at = script; *at;) {
		at += parse_bind(p, at, &binds[count++]);
		if (*at == ';' || !*at || count == 32) {
			gpu_bind_buffer(p->gpu, p->buffer, binds, count);
			check_step("After '%.*s': ", (int)(at - script), script);
			pages_verify(p);
			count = 0;
			at += *at == ';';
		}
	}
}
