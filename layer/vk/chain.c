/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* process_vm_readv, pipe2 */
#include "vk/chain.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * Each structure of a chain points to the next. To replace a structure in the middle, all
 * structures before it must be copied too. The layer may not know the type of such a structure, and
 * so not its size. Every copy has COPY_BYTES, which may be more than the structure has. The driver
 * ignores the excess. But the excess may be in an unmapped page, where a read by the layer would
 * fault.
 *
 * So the kernel reads, and stops at an unmapped page. read_struct() uses process_vm_readv(2), or a
 * pipe in sandboxes that forbid process_vm_readv(2).
 */
#define COPY_BYTES 4096

struct block {
	struct block *next;
	/* Aligned for every member that a structure may have. */
	_Alignas(max_align_t) unsigned char bytes[COPY_BYTES];
};

/* Copies a piece in one page through a pipe. Returns its size, or 0 if the page is unmapped or the
 * pipe fails. */
static size_t copy_through_pipe(const int ends[2], const struct iovec *piece, char *to)
{
	/* No write(): sanitizers would check a buffer of unknown size. */
	long written = syscall(SYS_write, ends[1], piece->iov_base, piece->iov_len);

	return written > 0 && read(ends[0], to, (size_t)written) == written ? (size_t)written : 0;
}

static size_t read_by_pipe(const struct iovec pieces[2], char *to)
{
	size_t size = 0;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		return 0;
	}
	size = copy_through_pipe(ends, &pieces[0], to);
	if (size == pieces[0].iov_len && pieces[1].iov_len) {
		size += copy_through_pipe(ends, &pieces[1], to + size);
	}
	close(ends[0]);
	close(ends[1]);
	return size;
}

/* Reads up to COPY_BYTES. False if even the part in the first page cannot be read. */
static bool read_struct(const void *from, void *to)
{
	uintptr_t start = (uintptr_t)from;
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	size_t here = page - start % page;
	/* Each piece is in one page: the kernel reads a piece completely or not at all. */
	struct iovec pieces[2] = {
		{ .iov_base = (void *)start, .iov_len = here < COPY_BYTES ? here : COPY_BYTES },
		{ .iov_base = (void *)(start + here),
			.iov_len = here < COPY_BYTES ? COPY_BYTES - here : 0 },
	};
	struct iovec whole = { .iov_base = to, .iov_len = COPY_BYTES };

	ssize_t size = process_vm_readv(getpid(), &whole, 1, pieces, 2, 0);
	if (size < 0) {
		size = (ssize_t)read_by_pipe(pieces, to);
	}
	return size >= (ssize_t)pieces[0].iov_len;
}

const void *vmb_chain_find(const void *chain, VkStructureType type)
{
	const VkBaseInStructure *node = chain;

	while (node && node->sType != type) {
		node = node->pNext;
	}
	return node;
}

void *vmb_chain_find_out(void *chain, VkStructureType type)
{
	VkBaseOutStructure *node = chain;

	while (node && node->sType != type) {
		node = node->pNext;
	}
	return node;
}

static bool is_listed(VkStructureType type, const VkStructureType *types, size_t type_count)
{
	for (size_t i = 0; i < type_count; i++) {
		if (types[i] == type) {
			return true;
		}
	}
	return false;
}

static const VkBaseInStructure *last_listed(
	const void *chain, const VkStructureType *types, size_t type_count)
{
	const VkBaseInStructure *last = NULL;

	for (const VkBaseInStructure *node = chain; node; node = node->pNext) {
		if (is_listed(node->sType, types, type_count)) {
			last = node;
		}
	}
	return last;
}

VkResult vmb_chain_copy(
	struct vmb_chain *copy, const void *chain, const VkStructureType *types, size_t type_count)
{
	const VkBaseInStructure *last = last_listed(chain, types, type_count);
	const VkBaseInStructure *node = chain;
	VkBaseOutStructure *previous = NULL;
	struct block **tail = (struct block **)&copy->blocks;

	*copy = (struct vmb_chain){ .head = (void *)(uintptr_t)chain };
	while (last) {
		struct block *block = calloc(1, sizeof(*block));
		if (!block) {
			vmb_chain_finish(copy);
			return VK_ERROR_OUT_OF_HOST_MEMORY;
		}
		*tail = block;
		tail = &block->next;
		if (!read_struct(node, block->bytes)) {
			vmb_chain_finish(copy);
			return VK_ERROR_INITIALIZATION_FAILED;
		}
		VkBaseOutStructure *copied = (VkBaseOutStructure *)block->bytes;
		if (previous) {
			previous->pNext = copied;
		} else {
			copy->head = copied;
		}
		if (node == last) {
			break;
		}
		previous = copied;
		node = node->pNext;
	}
	return VK_SUCCESS;
}

void vmb_chain_finish(struct vmb_chain *copy)
{
	struct block *block = copy->blocks;

	while (block) {
		struct block *next = block->next;
		free(block);
		block = next;
	}
	*copy = (struct vmb_chain){ 0 };
}
