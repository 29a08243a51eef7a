/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_CHAIN_H
#define VMB_VK_CHAIN_H

#include <stddef.h>
#include <vulkan/vulkan.h>

/*
 * pNext chains. The layer never writes to the application's chains. To change a structure, the
 * layer copies the chain up to that structure.
 */

/* The first structure of that type, or NULL. Any thread. */
const void *vmb_chain_find(const void *chain, VkStructureType type);
/* The same for a chain that the layer may write to: of a query, or a copy. */
void *vmb_chain_find_out(void *chain, VkStructureType type);

/* A copy of the first structures of a chain. Its last copied structure points to the rest of the
 * original chain. */
struct vmb_chain {
	void *head; /* pass this on instead of the original */
	void *blocks; /* private */
};

/*
 * Copies a chain up to and including the last structure whose type is in types. The caller may
 * change the copies, which vmb_chain_find_out(copy->head, type) finds. Returns
 * VK_ERROR_OUT_OF_HOST_MEMORY, or VK_ERROR_INITIALIZATION_FAILED if a structure cannot be read. A
 * failed copy needs no finish.
 */
VkResult vmb_chain_copy(
	struct vmb_chain *copy, const void *chain, const VkStructureType *types, size_t type_count);
/* Frees the copied structures. Accepts a zeroed copy. */
void vmb_chain_finish(struct vmb_chain *copy);

#endif
