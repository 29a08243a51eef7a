/* SPDX-License-Identifier: MIT */
/*
 * A Vulkan layer whose vkCreateInstance returns the VkResult in VMB_FAKE_LAYER, or crashes if the
 * variable is "crash".
 */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

#define EXPORT __attribute__((visibility("default")))

static VKAPI_ATTR VkResult VKAPI_CALL create_instance(
	const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *out)
{
	const char *how = getenv("VMB_FAKE_LAYER");

	(void)info;
	(void)allocator;
	(void)out;
	if (how && strcmp(how, "crash") != 0) {
		return (VkResult)atoi(how);
	}
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	return VK_ERROR_UNKNOWN;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_function(VkInstance instance, const char *name)
{
	(void)instance;
	return strcmp(name, "vkCreateInstance") == 0 ? (PFN_vkVoidFunction)create_instance : NULL;
}

EXPORT VKAPI_ATTR VkResult VKAPI_CALL vkNegotiateLoaderLayerInterfaceVersion(
	VkNegotiateLayerInterface *interface)
{
	interface->loaderLayerInterfaceVersion = 2;
	interface->pfnGetInstanceProcAddr = get_function;
	interface->pfnGetDeviceProcAddr = NULL;
	interface->pfnGetPhysicalDeviceProcAddr = NULL;
	return VK_SUCCESS;
}
