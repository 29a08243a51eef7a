/* SPDX-License-Identifier: MIT */
/*
 * A Vulkan driver with one device and a selectable fault:
 *
 *   VMB_FAKE_ICD=FAULT:FUNCTION  FAULT is hang, crash, exit or a VkResult below 0, and happens in
 *                                FUNCTION, e.g. vkCreateInstance
 *   VMB_FAKE_PANVK=MINOR         reports panvk of Mesa 26.MINOR, and sparseBinding
 *   VMB_FAKE_NAME=TEXT           the name of the device
 */

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vulkan/vk_icd.h>
#include <vulkan/vulkan.h>

#define EXPORT __attribute__((visibility("default")))

/* The loader stores a pointer in the first word of each object. */
static VK_LOADER_DATA instance_object, device_object;

/* Hangs, crashes or exits, or returns the result that function has to return. */
static VkResult misbehave(const char *function)
{
	const char *how = getenv("VMB_FAKE_ICD");
	const char *colon = how ? strchr(how, ':') : NULL;

	if (!colon || strcmp(colon + 1, function) != 0) {
		return VK_SUCCESS;
	}
	switch (*how) {
	case 'h':
		while (true) {
			pause();
		}
	case 'c':
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
		break;
	case 'e':
		exit(0);
	}
	return (VkResult)atoi(how);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_instance(
	const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *out)
{
	(void)info;
	(void)allocator;
	VkResult result = misbehave("vkCreateInstance");
	if (result != VK_SUCCESS) {
		return result;
	}
	set_loader_magic_value(&instance_object);
	*out = (VkInstance)&instance_object;
	return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_instance(
	VkInstance instance, const VkAllocationCallbacks *allocator)
{
	(void)instance;
	(void)allocator;
}

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_devices(
	VkInstance instance, uint32_t *count, VkPhysicalDevice *devices)
{
	(void)instance;
	VkResult result = misbehave("vkEnumeratePhysicalDevices");
	if (result != VK_SUCCESS) {
		return result;
	}
	if (devices && *count > 0) {
		set_loader_magic_value(&device_object);
		devices[0] = (VkPhysicalDevice)&device_object;
	}
	*count = 1;
	return VK_SUCCESS;
}

static const char *panvk(void)
{
	return getenv("VMB_FAKE_PANVK");
}

static VKAPI_ATTR void VKAPI_CALL get_properties(
	VkPhysicalDevice device, VkPhysicalDeviceProperties *properties)
{
	const char *name = getenv("VMB_FAKE_NAME");

	(void)device;
	misbehave("vkGetPhysicalDeviceProperties");
	memset(properties, 0, sizeof(*properties));
	properties->apiVersion = VK_API_VERSION_1_1;
	properties->driverVersion = VK_MAKE_API_VERSION(
		0, 26, panvk() ? (uint32_t)atoi(panvk()) : 0, 0);
	properties->deviceType = VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
	snprintf(
		properties->deviceName, sizeof(properties->deviceName), "%s", name ? name : "Fake");
}

static VKAPI_ATTR void VKAPI_CALL get_properties2(
	VkPhysicalDevice device, VkPhysicalDeviceProperties2 *properties)
{
	misbehave("vkGetPhysicalDeviceProperties2");
	get_properties(device, &properties->properties);
	for (VkBaseOutStructure *node = properties->pNext; node; node = node->pNext) {
		if (node->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES) {
			VkPhysicalDeviceDriverProperties *driver = (void *)node;
			driver->driverID = panvk() ? VK_DRIVER_ID_MESA_PANVK : 0;
			strcpy(driver->driverName, "fake");
			driver->driverInfo[0] = '\0';
		}
	}
}

static VKAPI_ATTR void VKAPI_CALL get_features(
	VkPhysicalDevice device, VkPhysicalDeviceFeatures *features)
{
	(void)device;
	misbehave("vkGetPhysicalDeviceFeatures");
	*features = (VkPhysicalDeviceFeatures){ .sparseBinding = panvk() != NULL };
}

static VKAPI_ATTR void VKAPI_CALL get_features2(
	VkPhysicalDevice device, VkPhysicalDeviceFeatures2 *features)
{
	get_features(device, &features->features);
}

static VKAPI_ATTR void VKAPI_CALL get_families(
	VkPhysicalDevice device, uint32_t *count, VkQueueFamilyProperties *families)
{
	(void)device;
	if (families && *count > 0) {
		families[0] = (VkQueueFamilyProperties){
			.queueFlags = VK_QUEUE_TRANSFER_BIT | VK_QUEUE_SPARSE_BINDING_BIT,
			.queueCount = 1,
		};
	}
	*count = 1;
}

static VKAPI_ATTR void VKAPI_CALL get_memory(
	VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties *memory)
{
	(void)device;
	memset(memory, 0, sizeof(*memory));
}

static VKAPI_ATTR void VKAPI_CALL get_format(
	VkPhysicalDevice device, VkFormat format, VkFormatProperties *properties)
{
	(void)device;
	(void)format;
	memset(properties, 0, sizeof(*properties));
}

static VKAPI_ATTR VkResult VKAPI_CALL get_image_format(VkPhysicalDevice device, VkFormat format,
	VkImageType type, VkImageTiling tiling, VkImageUsageFlags usage, VkImageCreateFlags flags,
	VkImageFormatProperties *properties)
{
	(void)device;
	(void)format;
	(void)type;
	(void)tiling;
	(void)usage;
	(void)flags;
	(void)properties;
	return VK_ERROR_FORMAT_NOT_SUPPORTED;
}

static VKAPI_ATTR void VKAPI_CALL get_sparse_format(VkPhysicalDevice device, VkFormat format,
	VkImageType type, VkSampleCountFlagBits samples, VkImageUsageFlags usage,
	VkImageTiling tiling, uint32_t *count, VkSparseImageFormatProperties *properties)
{
	(void)device;
	(void)format;
	(void)type;
	(void)samples;
	(void)usage;
	(void)tiling;
	(void)properties;
	*count = 0;
}

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_extensions(VkPhysicalDevice device,
	const char *layer, uint32_t *count, VkExtensionProperties *properties)
{
	(void)device;
	(void)layer;
	(void)properties;
	*count = 0;
	return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_instance_extensions(
	const char *layer, uint32_t *count, VkExtensionProperties *properties)
{
	return enumerate_extensions(VK_NULL_HANDLE, layer, count, properties);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice device,
	const VkDeviceCreateInfo *info, const VkAllocationCallbacks *allocator, VkDevice *out)
{
	(void)device;
	(void)info;
	(void)allocator;
	(void)out;
	return VK_ERROR_INITIALIZATION_FAILED;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_function(
	VkDevice device, const char *name)
{
	(void)device;
	(void)name;
	return NULL;
}

EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(
	VkInstance instance, const char *name)
{
	static const struct {
		const char *name;
		PFN_vkVoidFunction function;
	} functions[] = {
		{ "vkCreateInstance", (PFN_vkVoidFunction)create_instance },
		{ "vkDestroyInstance", (PFN_vkVoidFunction)destroy_instance },
		{ "vkEnumerateInstanceExtensionProperties",
			(PFN_vkVoidFunction)enumerate_instance_extensions },
		{ "vkEnumeratePhysicalDevices", (PFN_vkVoidFunction)enumerate_devices },
		{ "vkGetPhysicalDeviceProperties", (PFN_vkVoidFunction)get_properties },
		{ "vkGetPhysicalDeviceProperties2", (PFN_vkVoidFunction)get_properties2 },
		{ "vkGetPhysicalDeviceFeatures", (PFN_vkVoidFunction)get_features },
		{ "vkGetPhysicalDeviceFeatures2", (PFN_vkVoidFunction)get_features2 },
		{ "vkGetPhysicalDeviceQueueFamilyProperties", (PFN_vkVoidFunction)get_families },
		{ "vkGetPhysicalDeviceMemoryProperties", (PFN_vkVoidFunction)get_memory },
		{ "vkGetPhysicalDeviceFormatProperties", (PFN_vkVoidFunction)get_format },
		{ "vkGetPhysicalDeviceImageFormatProperties",
			(PFN_vkVoidFunction)get_image_format },
		{ "vkGetPhysicalDeviceSparseImageFormatProperties",
			(PFN_vkVoidFunction)get_sparse_format },
		{ "vkEnumerateDeviceExtensionProperties",
			(PFN_vkVoidFunction)enumerate_extensions },
		{ "vkCreateDevice", (PFN_vkVoidFunction)create_device },
		{ "vkGetDeviceProcAddr", (PFN_vkVoidFunction)get_device_function },
		{ "vkGetInstanceProcAddr", (PFN_vkVoidFunction)vk_icdGetInstanceProcAddr },
	};

	(void)instance;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (strcmp(functions[i].name, name) == 0) {
			return functions[i].function;
		}
	}
	return NULL;
}

/* No header declares this function. */
VKAPI_ATTR VkResult VKAPI_CALL vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version);
EXPORT VKAPI_ATTR VkResult VKAPI_CALL vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version)
{
	misbehave("vk_icdNegotiateLoaderICDInterfaceVersion");
	if (*version > 5) {
		*version = 5;
	}
	return VK_SUCCESS;
}
