/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "entry.h"
#include "vk/instance.h"

/* Answers an enumeration that has one element. */
static VkResult list_one(const void *element, size_t size, uint32_t *count, void *out)
{
	if (out && *count == 0) {
		return VK_INCOMPLETE;
	}
	*count = 1;
	if (out) {
		memcpy(out, element, size);
	}
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_EnumerateInstanceLayerProperties(
	uint32_t *count, VkLayerProperties *layers)
{
	static const VkLayerProperties layer = {
		.layerName = VMB_LAYER_NAME,
		.description = VMB_LAYER_DESCRIPTION,
		.specVersion = VK_HEADER_VERSION_COMPLETE,
		.implementationVersion = VMB_LAYER_VERSION,
	};

	return list_one(&layer, sizeof(layer), count, layers);
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_EnumerateDeviceLayerProperties(
	VkPhysicalDevice physical, uint32_t *count, VkLayerProperties *layers)
{
	(void)physical;
	return vmb_EnumerateInstanceLayerProperties(count, layers);
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_EnumerateInstanceExtensionProperties(
	const char *layer, uint32_t *count, VkExtensionProperties *extensions)
{
	if (!layer || strcmp(layer, VMB_LAYER_NAME) != 0) {
		return VK_ERROR_LAYER_NOT_PRESENT;
	}
#ifdef VK_EXT_layer_settings
	static const VkExtensionProperties settings = {
		.extensionName = VK_EXT_LAYER_SETTINGS_EXTENSION_NAME,
		.specVersion = VK_EXT_LAYER_SETTINGS_SPEC_VERSION,
	};
	return list_one(&settings, sizeof(settings), count, extensions);
#else
	(void)extensions;
	*count = 0;
	return VK_SUCCESS;
#endif
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_EnumerateDeviceExtensionProperties(VkPhysicalDevice physical,
	const char *layer, uint32_t *count, VkExtensionProperties *extensions)
{
	static const VkExtensionProperties tooling = {
		.extensionName = VK_EXT_TOOLING_INFO_EXTENSION_NAME,
		.specVersion = VK_EXT_TOOLING_INFO_SPEC_VERSION,
	};

	if (layer && strcmp(layer, VMB_LAYER_NAME) == 0) {
		return list_one(&tooling, sizeof(tooling), count, extensions);
	}
	return vmb_instance_of(physical)->driver.EnumerateDeviceExtensionProperties(
		physical, layer, count, extensions);
}

static void describe_tool(VkPhysicalDeviceToolProperties *tool)
{
	snprintf(tool->name, sizeof(tool->name), "vmbind sparse layer");
	snprintf(tool->version, sizeof(tool->version), "%s", VMB_VERSION);
	snprintf(tool->description, sizeof(tool->description), "%s", VMB_LAYER_DESCRIPTION);
	snprintf(tool->layer, sizeof(tool->layer), "%s", VMB_LAYER_NAME);
	tool->purposes = VK_TOOL_PURPOSE_ADDITIONAL_FEATURES_BIT |
		VK_TOOL_PURPOSE_MODIFYING_FEATURES_BIT;
}

/* The number of tools below the layer. Some drivers do not write the count, so it starts at 0. */
static VkResult count_others(
	PFN_vkGetPhysicalDeviceToolProperties next, VkPhysicalDevice handle, uint32_t *count)
{
	*count = 0;
	return next ? next(handle, count, NULL) : VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vmb_GetPhysicalDeviceToolProperties(
	VkPhysicalDevice handle, uint32_t *count, VkPhysicalDeviceToolProperties *tools)
{
	PFN_vkGetPhysicalDeviceToolProperties next =
		vmb_instance_of(handle)->driver.GetPhysicalDeviceToolProperties;
	uint32_t others;
	VkResult result = count_others(next, handle, &others);

	if (result < VK_SUCCESS) {
		return result;
	}
	if (!tools) {
		*count = others + 1;
		return result;
	}
	if (*count == 0) {
		return VK_INCOMPLETE;
	}
	describe_tool(&tools[0]);
	uint32_t room = *count - 1;
	uint32_t written = others < room ? others : room;
	if (written > 0) {
		uint32_t asked = written;
		result = next(handle, &written, &tools[1]);
		written = written < asked ? written : asked;
	}
	*count = written + 1;
	return result == VK_SUCCESS && others > room ? VK_INCOMPLETE : result;
}
