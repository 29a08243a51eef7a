/* SPDX-License-Identifier: MIT */
#include "provide/device_create_info.h"

#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "route/provided_features.h"
#include "vk/extensions.h"
#include "vk/sparse_features.h"

static VkResult add_extensions(struct vmb_device_create_info *rewritten,
	const struct vmb_physical_device *physical, const VkDeviceCreateInfo *info)
{
	const struct vmb_backend *backend = physical->backend;
	uint32_t version = vmb_physical_device_api_version(physical->instance, physical->handle);
	const char *names[VMB_BACKEND_EXTENSIONS];
	uint32_t count = 0;

	for (size_t i = 0; i < backend->extension_count; i++) {
		const struct vmb_backend_extension *extension = &backend->extensions[i];
		if (extension->core && version >= extension->core) {
			continue;
		}
		if (!vmb_extensions_contain(info->ppEnabledExtensionNames,
			    info->enabledExtensionCount, extension->name)) {
			rewritten->added_extensions |= UINT32_C(1) << i;
		}
		names[count++] = extension->name;
	}
	rewritten->extensions = vmb_extensions_add(info->ppEnabledExtensionNames,
		&rewritten->info.enabledExtensionCount, names, count);
	if (!rewritten->extensions) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	rewritten->info.ppEnabledExtensionNames = rewritten->extensions;
	return VK_SUCCESS;
}

/* Enables timelineSemaphore. Two structures have this feature, and at most one is in the chain. */
static void add_timeline(struct vmb_device_create_info *rewritten)
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

static void hide_sparse(struct vmb_device_create_info *rewritten)
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

VkResult vmb_device_create_info_init(struct vmb_device_create_info *rewritten,
	const struct vmb_physical_device *physical, const VkDeviceCreateInfo *info)
{
	static const VkStructureType changed[] = {
		VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
		VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
		VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES,
	};

	*rewritten = (struct vmb_device_create_info){ .info = *info };
	if (vmb_features_exceed_provide(physical, vmb_core_features(info)) ||
		vmb_feature_chain_exceeds_provide(physical, info->pNext)) {
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
		vmb_device_create_info_finish(rewritten);
	}
	return result;
}

void vmb_device_create_info_finish(struct vmb_device_create_info *rewritten)
{
	vmb_chain_finish(&rewritten->chain);
	free(rewritten->extensions);
	rewritten->extensions = NULL;
}

void vmb_device_create_info_hide(
	const struct vmb_device_create_info *rewritten, struct vmb_device *device)
{
	static const struct {
		const char *extension;
		const char *command;
	} commands[] = {
		{ VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME,
			"vkGetMemoryHostPointerPropertiesEXT" },
		{ VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME, "vkGetSemaphoreCounterValueKHR" },
		{ VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME, "vkSignalSemaphoreKHR" },
		{ VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME, "vkWaitSemaphoresKHR" },
		{ VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME, "vkGetSemaphoreFdKHR" },
		{ VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME, "vkImportSemaphoreFdKHR" },
	};
	const struct vmb_backend *backend = device->physical->backend;
	size_t count = 0;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		for (size_t j = 0; j < backend->extension_count; j++) {
			if ((rewritten->added_extensions >> j & 1) &&
				strcmp(backend->extensions[j].name, commands[i].extension) == 0) {
				device->hidden_commands[count++] = commands[i].command;
			}
		}
	}
}
