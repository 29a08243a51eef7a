/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_COMPAT_LOADER_H
#define VMB_TESTS_COMPAT_LOADER_H

#include <stdint.h>
#include <vulkan/vulkan.h>

/*
 * For programs that look up the loader's functions themselves. If a call fails, the program prints
 * the call and ends.
 */

#define LOADER_CHECK(call) loader_check((call), #call)
void loader_check(VkResult result, const char *call);

/* Loads the loader. *library is for dlclose(). */
PFN_vkGetInstanceProcAddr loader_open(void **library);

#define LOADER_FUNCTION(get, instance, name) ((PFN_##name)loader_function(get, instance, #name))
PFN_vkVoidFunction loader_function(
	PFN_vkGetInstanceProcAddr get, VkInstance instance, const char *name);

VkInstance loader_create_instance(PFN_vkGetInstanceProcAddr get, uint32_t version);
VkPhysicalDevice loader_first_device(PFN_vkGetInstanceProcAddr get, VkInstance instance);
/* The device has one queue of the first family. The first family of CPU drivers supports all
 * operations. info holds the features and the extensions. */
VkDevice loader_create_device(PFN_vkGetInstanceProcAddr get, VkInstance instance,
	VkPhysicalDevice physical, VkDeviceCreateInfo info);

#endif
