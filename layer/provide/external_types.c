/* SPDX-License-Identifier: MIT */
#include "provide/external_types.h"

#include "provide/memory_source.h"

bool vmb_external_types_checked(const struct vmb_provide *provide)
{
	return provide->device->physical->driver_id == VK_DRIVER_ID_GOOGLE_SWIFTSHADER;
}

VkResult vmb_external_types_init(struct vmb_external_types *types,
	const struct vmb_provide *provide, VkStructureType type, const void *chain)
{
	VkExternalMemoryHandleTypeFlags added = provide->source->handle_types;

	*types = (struct vmb_external_types){ .head = chain };
	if (!added) {
		return VK_SUCCESS;
	}
	if (!vmb_chain_find(chain, type)) {
		types->added = (VkExternalMemoryBufferCreateInfo){ type, chain, added };
		types->head = &types->added;
		return VK_SUCCESS;
	}
	if (!vmb_external_types_checked(provide)) {
		return VK_SUCCESS;
	}
	VkResult result = vmb_chain_copy(&types->chain, chain, &type, 1);
	if (result == VK_SUCCESS) {
		VkExternalMemoryBufferCreateInfo *copied = vmb_chain_find_out(
			types->chain.head, type);
		copied->handleTypes |= added;
		types->head = types->chain.head;
	}
	return result;
}

void vmb_external_types_finish(struct vmb_external_types *types)
{
	vmb_chain_finish(&types->chain);
}
