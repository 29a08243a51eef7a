/* SPDX-License-Identifier: MIT */
#include "provide/device_create_info.h"

#include <stdlib.h>

#include "provide/features.h"
#include "vk/extensions.h"

static VkResult add_extensions(struct vmb_device_info *rewritten,
	const struct vmb_physical_device *physical, const VkDeviceCreateInfo *info)
{
	/* until is the version that made the extension core; 0 if none has. */
	static const struct {
		const char *name;
		uint32_t until;
		enum vmb_backend backend; /* NONE: whichever it is */
	} needed[] = {
		{ VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME, 0, VMB_BACKEND_HOST },
		{ VK_KHR_EXTERNAL_MEMORY_EXTENSION_NAME, VK_API_VERSION_1_1, VMB_BACKEND_HOST },
		{ VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME, 0, VMB_BACKEND_PANTHOR },
		{ VK_KHR_EXTERNAL_SEMAPHORE_EXTENSION_NAME, VK_API_VERSION_1_1,
			VMB_BACKEND_PANTHOR },
		{ VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME, VK_API_VERSION_1_2, VMB_BACKEND_NONE },
	};
	const char *more[sizeof(needed) / sizeof(needed[0])];
	uint32_t more_count = 0;
	uint32_t version = vmb_physical_device_api_version(physical->instance, physical->handle);
	const char *const *given = info->ppEnabledExtensionNames;
	uint32_t given_count = info->enabledExtensionCount;

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		bool is_ours = !needed[i].backend || needed[i].backend == physical->backend;
		if (is_ours && (!needed[i].until || version < needed[i].until)) {
			more[more_count++] = needed[i].name;
		}
	}
	rewritten->extensions = vmb_extensions_add(
		given, &rewritten->info.enabledExtensionCount, more, more_count);
	if (!rewritten->extensions) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	rewritten->info.ppEnabledExtensionNames = rewritten->extensions;
	rewritten->added_host_import = !vmb_extensions_contain(
		given, given_count, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
	rewritten->added_semaphore_fd = !vmb_extensions_contain(
		given, given_count, VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME);
	rewritten->added_timeline = version < VK_API_VERSION_1_2 &&
		!vmb_extensions_contain(
			given, given_count, VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME);
	return VK_SUCCESS;
}

/* Timeline semaphores may be asked for, or expressly not, in either of two structures. */
static void add_timeline(struct vmb_device_info *rewritten)
{
	VkPhysicalDeviceVulkan12Features *in_1_2 = vmb_chain_find_out(
		rewritten->chain.head, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
	VkPhysicalDeviceTimelineSemaphoreFeatures *alone = vmb_chain_find_out(rewritten->chain.head,
		VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES);

	if (in_1_2) {
		in_1_2->timelineSemaphore = VK_TRUE;
		return;
	}
	if (alone) {
		alone->timelineSemaphore = VK_TRUE;
		return;
	}
	rewritten->timeline = (VkPhysicalDeviceTimelineSemaphoreFeatures){
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES,
		.pNext = rewritten->chain.head,
		.timelineSemaphore = VK_TRUE,
	};
	rewritten->info.pNext = &rewritten->timeline;
}

static bool wants_addresses(const VkDeviceCreateInfo *info)
{
	const VkPhysicalDeviceVulkan12Features *in_1_2 = vmb_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
	const VkPhysicalDeviceBufferDeviceAddressFeatures *alone = vmb_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES);

	return (in_1_2 && in_1_2->bufferDeviceAddress) || (alone && alone->bufferDeviceAddress);
}

/* Core features come in one of two places; in pNext they win. */
static const VkPhysicalDeviceFeatures *core_features(const VkDeviceCreateInfo *info)
{
	const VkPhysicalDeviceFeatures2 *in_chain = vmb_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);

	return in_chain ? &in_chain->features : info->pEnabledFeatures;
}

static void hide_sparse(struct vmb_device_info *rewritten)
{
	VkPhysicalDeviceFeatures2 *in_chain = vmb_chain_find_out(
		rewritten->chain.head, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);

	if (in_chain) {
		vmb_features_hide_sparse(&in_chain->features);
	}
	if (rewritten->info.pEnabledFeatures) {
		rewritten->features = *rewritten->info.pEnabledFeatures;
		vmb_features_hide_sparse(&rewritten->features);
		rewritten->info.pEnabledFeatures = &rewritten->features;
	}
}

VkResult vmb_device_info_init(struct vmb_device_info *rewritten,
	const struct vmb_physical_device *physical, const VkDeviceCreateInfo *info)
{
	static const VkStructureType changed[] = {
		VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
		VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
		VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES,
	};
	const VkPhysicalDeviceFeatures *features = core_features(info);

	*rewritten = (struct vmb_device_info){ .info = *info };
	if (!features || !vmb_features_want_sparse(features)) {
		return VK_SUCCESS;
	}
	rewritten->wants_sparse = true;
	if (physical->route != VMB_ROUTE_PROVIDE) {
		return VK_SUCCESS;
	}
	if (vmb_features_exceed_provide(features)) {
		return VK_ERROR_FEATURE_NOT_PRESENT;
	}
	rewritten->has_addresses = wants_addresses(info);

	VkResult result = vmb_chain_copy(
		&rewritten->chain, info->pNext, changed, sizeof(changed) / sizeof(changed[0]));
	if (result != VK_SUCCESS) {
		return result;
	}
	rewritten->info.pNext = rewritten->chain.head;
	hide_sparse(rewritten);
	add_timeline(rewritten);
	result = add_extensions(rewritten, physical, info);
	if (result != VK_SUCCESS) {
		vmb_device_info_finish(rewritten);
	}
	return result;
}

void vmb_device_info_finish(struct vmb_device_info *rewritten)
{
	vmb_chain_finish(&rewritten->chain);
	free(rewritten->extensions);
	rewritten->extensions = NULL;
}
