/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_EXTERNAL_TYPES_H
#define VMB_PROVIDE_EXTERNAL_TYPES_H

#include "provide/device.h"
#include "vk/chain.h"

/*
 * The external handle types of a new buffer or image. The driver imports the memory of the VM. So
 * each buffer and image must name the handle type of imports at creation
 * (VUID-vkBindBufferMemory-memory-02985, VUID-vkBindImageMemory-memory-02989).
 */
struct vmb_external_types {
	const void *head; /* the chain for the driver; valid until finish */
	/* VkExternalMemoryImageCreateInfo has the same members. */
	VkExternalMemoryBufferCreateInfo added;
	struct vmb_chain chain;
};

/* Adds the memory source's handle types to a chain. type is the sType of the structure with the
 * handle types. Returns the results of vmb_chain_copy(). After a failure there is nothing to
 * finish. */
VkResult vmb_external_types_init(struct vmb_external_types *types,
	const struct vmb_provide *provide, VkStructureType type, const void *chain);
/* Whether the driver checks the handle types when it binds memory, as SwiftShader does. Then the
 * layer also adds to the application's handle types. Other drivers may accept handle types only in
 * certain combinations. */
bool vmb_external_types_checked(const struct vmb_provide *provide);
void vmb_external_types_finish(struct vmb_external_types *types);

#endif
