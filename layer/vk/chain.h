/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_CHAIN_H
#define VMB_VK_CHAIN_H

#include <stddef.h>
#include <vulkan/vulkan.h>

/*
 * pNext chains. The application's are never written to: whoever wants another value in one works
 * on a copy of the part that leads there.
 */

/* The first structure of that type, or NULL. */
const void *vmb_chain_find(const void *chain, VkStructureType type);
/* The same for the output chains of queries, which are ours to fill. */
void *vmb_chain_find_out(void *chain, VkStructureType type);

/* A copy of the first structures of a chain, linked to the rest of the original. */
struct vmb_chain {
	void *head; /* pass this on instead of the original */
	void *blocks; /* private */
};

/*
 * Copies a chain up to and including the last structure whose type is one of types. Structures
 * that are listed there are found with vmb_chain_find_out(copy->head, type) and may be changed.
 * VK_ERROR_OUT_OF_HOST_MEMORY, or VK_ERROR_INITIALIZATION_FAILED if a structure cannot be copied.
 */
VkResult vmb_chain_copy(
	struct vmb_chain *copy, const void *chain, const VkStructureType *types, size_t type_count);
/* Accepts a zeroed copy. */
void vmb_chain_finish(struct vmb_chain *copy);

#endif
