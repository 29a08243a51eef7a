/* SPDX-License-Identifier: MIT */
#include "vk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vk/result_name.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

vku_failure_fn *vku_on_failure;
const char *const *vku_false_errors;

void vku_fail(const char *format, ...)
{
	char message[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (vku_on_failure) {
		vku_on_failure(message);
	}
	fprintf(stderr, "%s\n", message);
	exit(1);
}

void vku_check(VkResult result, const char *call, const char *file, int line)
{
	if (result != VK_SUCCESS) {
		vku_fail("%s:%d: %s: %s", file, line, vku_result_name(result), call);
	}
}

const char *vku_result_name(VkResult result)
{
	static _Thread_local char number[16];
	const char *name = vmb_result_name(result);

	if (name) {
		return name;
	}
	snprintf(number, sizeof(number), "VkResult %d", result);
	return number;
}

static bool is_false_error(const char *name)
{
	for (const char *const *known = vku_false_errors; known && *known; known++) {
		if (name && strcmp(name, *known) == 0) {
			return true;
		}
	}
	return false;
}

static VKAPI_ATTR VkBool32 VKAPI_CALL count_error(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
	VkDebugUtilsMessageTypeFlagsEXT types, const VkDebugUtilsMessengerCallbackDataEXT *data,
	void *user)
{
	struct vku *vk = user;

	(void)severity;
	(void)types;
	if (is_false_error(data->pMessageIdName)) {
		return VK_FALSE;
	}
	if (!vk->expect_validation_errors) {
		fprintf(stderr, "%s\n", data->pMessage);
	}
	atomic_fetch_add(&vk->validation_errors, 1);
	return VK_FALSE;
}

bool vku_validating(void)
{
	const char *layers = getenv("VK_INSTANCE_LAYERS");

	return getenv("VMB_TEST_VALIDATION") ||
		(layers && strstr(layers, "VK_LAYER_KHRONOS_validation"));
}

static VkResult create_instance(struct vku *vk, const struct vku_options *options)
{
	const VkApplicationInfo application = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.pApplicationName = options->name,
		.apiVersion = vk->api_version,
	};
	/* In the instance's pNext chain, the messenger also reports errors of vkCreateInstance. */
	const VkDebugUtilsMessengerCreateInfoEXT messenger = {
		.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
		.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
		.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
		.pfnUserCallback = count_error,
		.pUserData = vk,
	};
	const char *extensions[8] = { VK_EXT_DEBUG_UTILS_EXTENSION_NAME };
	uint32_t extension_count = vku_validating() ? 1 : 0;

	for (uint32_t i = 0; i < options->instance_extension_count; i++) {
		extensions[extension_count++] = options->instance_extensions[i];
	}
	const VkInstanceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pNext = vku_validating() ? &messenger : NULL,
		.pApplicationInfo = options->no_application_info ? NULL : &application,
		.enabledExtensionCount = extension_count,
		.ppEnabledExtensionNames = extensions,
	};
	VkResult result = vkCreateInstance(&info, NULL, &vk->instance);

	if (result != VK_SUCCESS || !vku_validating()) {
		return result;
	}
	PFN_vkCreateDebugUtilsMessengerEXT create = (PFN_vkCreateDebugUtilsMessengerEXT)
		vkGetInstanceProcAddr(vk->instance, "vkCreateDebugUtilsMessengerEXT");
	return create(vk->instance, &messenger, NULL, &vk->messenger);
}

/* The loader reads VK_INSTANCE_LAYERS only in vkCreateInstance. */
static VkResult create_instance_without_layers(struct vku *vk, const struct vku_options *options)
{
	const char *layers = getenv("VK_INSTANCE_LAYERS");
	char *saved = layers ? strdup(layers) : NULL;

	unsetenv("VK_INSTANCE_LAYERS");
	VkResult result = create_instance(vk, options);
	if (saved) {
		setenv("VK_INSTANCE_LAYERS", saved, 1);
		free(saved);
	}
	return result;
}

static bool choose_device(struct vku *vk, VkPhysicalDevice physical)
{
	const char *wanted = getenv("VMB_TEST_DEVICE");

	vk->physical = physical;
	vkGetPhysicalDeviceProperties(physical, &vk->properties);
	return wanted ? strstr(vk->properties.deviceName, wanted) != NULL
		      : vk->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
}

void vku_instance_init(struct vku *vk, const struct vku_options *options)
{
	VkPhysicalDevice physical[16];
	uint32_t count = COUNT(physical);
	bool found = false;

	*vk = (struct vku){ .api_version = VK_API_VERSION_1_0 };
	if (!options->no_application_info) {
		vk->api_version = options->api_version ? options->api_version : VK_API_VERSION_1_3;
	}
	if (options->without_layers) {
		VKU_CHECK(create_instance_without_layers(vk, options));
	} else {
		VKU_CHECK(create_instance(vk, options));
	}
	VkResult result = vkEnumeratePhysicalDevices(vk->instance, &count, physical);
	if (result != VK_INCOMPLETE) {
		vku_check(result, "vkEnumeratePhysicalDevices", __FILE__, __LINE__);
	}
	for (uint32_t i = 0; i < count && !found; i++) {
		found = choose_device(vk, physical[i]);
	}
	if (!found) {
		vku_fail("none of the %u Vulkan devices matches (VMB_TEST_DEVICE selects by name)",
			count);
	}
	if (vk->api_version > vk->properties.apiVersion) {
		vk->api_version = vk->properties.apiVersion;
	}
	vkGetPhysicalDeviceMemoryProperties(vk->physical, &vk->memory);
}

/* Prefers a family that also supports sparse binding. */
static uint32_t choose_queue_family(const struct vku *vk, bool sparse)
{
	const VkQueueFlags needed = sparse ? VK_QUEUE_SPARSE_BINDING_BIT : VK_QUEUE_COMPUTE_BIT;
	VkQueueFamilyProperties families[16];
	uint32_t count = COUNT(families);
	uint32_t found = UINT32_MAX;

	vkGetPhysicalDeviceQueueFamilyProperties(vk->physical, &count, families);
	for (uint32_t i = 0; i < count; i++) {
		if (!(families[i].queueFlags & needed)) {
			continue;
		}
		if (families[i].queueFlags & VK_QUEUE_SPARSE_BINDING_BIT) {
			return i;
		}
		if (found == UINT32_MAX) {
			found = i;
		}
	}
	if (found == UINT32_MAX) {
		vku_fail("%s has no queue for %s", vk->properties.deviceName,
			sparse ? "sparse binding" : "compute");
	}
	return found;
}

static VkPhysicalDeviceFeatures wanted_features(
	const VkPhysicalDeviceFeatures *supported, const struct vku_options *options)
{
	bool sparse = !options->without_sparse;

	return (VkPhysicalDeviceFeatures){
		.sparseBinding = supported->sparseBinding && sparse,
		.sparseResidencyBuffer = supported->sparseResidencyBuffer && sparse,
		.sparseResidencyAliased = supported->sparseResidencyAliased && sparse,
		.sparseResidencyImage2D = supported->sparseResidencyImage2D && sparse,
		.sparseResidencyImage3D = supported->sparseResidencyImage3D && sparse,
		.shaderStorageImageWriteWithoutFormat =
			supported->shaderStorageImageWriteWithoutFormat,
	};
}

static VkResult create_device_1_0(
	struct vku *vk, const struct vku_options *options, VkDeviceCreateInfo *info)
{
	VkPhysicalDeviceFeatures supported;

	vkGetPhysicalDeviceFeatures(vk->physical, &supported);
	VkPhysicalDeviceFeatures features = wanted_features(&supported, options);
	info->pNext = options->device_next;
	info->pEnabledFeatures = &features;
	return vku_device_create(vk, info);
}

static VkResult create_device(
	struct vku *vk, const struct vku_options *options, VkDeviceCreateInfo *info)
{
	VkPhysicalDeviceVulkan13Features supported_1_3 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
	};
	VkPhysicalDeviceVulkan12Features supported_1_2 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
		.pNext = vk->api_version >= VK_API_VERSION_1_3 ? &supported_1_3 : NULL,
	};
	VkPhysicalDeviceFeatures2 supported = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
		.pNext = &supported_1_2,
	};

	vkGetPhysicalDeviceFeatures2(vk->physical, &supported);
	VkPhysicalDeviceVulkan13Features wanted_1_3 = {
		.sType = supported_1_3.sType,
		.pNext = options->device_next,
		.synchronization2 = supported_1_3.synchronization2,
		.maintenance4 = supported_1_3.maintenance4,
	};
	VkPhysicalDeviceVulkan12Features wanted_1_2 = {
		.sType = supported_1_2.sType,
		.pNext = supported_1_2.pNext ? (void *)&wanted_1_3 : options->device_next,
		.timelineSemaphore = supported_1_2.timelineSemaphore,
		.bufferDeviceAddress = supported_1_2.bufferDeviceAddress,
	};
	VkPhysicalDeviceFeatures2 wanted = {
		.sType = supported.sType,
		.pNext = &wanted_1_2,
		.features = wanted_features(&supported.features, options),
	};
	info->pNext = &wanted;
	return vku_device_create(vk, info);
}

void vku_device_init(struct vku *vk, const struct vku_options *options)
{
	const float priority = 1;
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueFamilyIndex = choose_queue_family(vk, options->sparse_queue),
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
		.enabledExtensionCount = options->device_extension_count,
		.ppEnabledExtensionNames = options->device_extensions,
	};

	if (vk->api_version >= VK_API_VERSION_1_2) {
		VKU_CHECK(create_device(vk, options, &info));
	} else {
		VKU_CHECK(create_device_1_0(vk, options, &info));
	}
}

VkResult vku_device_create(struct vku *vk, const VkDeviceCreateInfo *info)
{
	VkResult result = vkCreateDevice(vk->physical, info, NULL, &vk->device);

	if (result != VK_SUCCESS) {
		vk->device = VK_NULL_HANDLE;
		return result;
	}
	vk->queue_family = info->pQueueCreateInfos[0].queueFamilyIndex;
	vkGetDeviceQueue(vk->device, vk->queue_family, 0, &vk->queue);
	const VkCommandPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
		.queueFamilyIndex = vk->queue_family,
	};
	return vkCreateCommandPool(vk->device, &pool, NULL, &vk->pool);
}

void vku_init(struct vku *vk, const struct vku_options *options)
{
	vku_instance_init(vk, options);
	vku_device_init(vk, options);
}

void vku_device_finish(struct vku *vk)
{
	if (vk->device) {
		vkDestroyDevice(vk->device, NULL);
	}
	vk->device = VK_NULL_HANDLE;
	vk->pool = VK_NULL_HANDLE;
}

void vku_finish(struct vku *vk)
{
	if (!vk->instance) {
		return;
	}
	if (vk->device) {
		/* Ignore VK_ERROR_DEVICE_LOST: a lost device must be destroyed, too. */
		vkDeviceWaitIdle(vk->device);
		vkDestroyCommandPool(vk->device, vk->pool, NULL);
	}
	vku_device_finish(vk);
	if (vk->messenger) {
		PFN_vkDestroyDebugUtilsMessengerEXT destroy = (PFN_vkDestroyDebugUtilsMessengerEXT)
			vkGetInstanceProcAddr(vk->instance, "vkDestroyDebugUtilsMessengerEXT");
		destroy(vk->instance, vk->messenger, NULL);
	}
	vkDestroyInstance(vk->instance, NULL);

	unsigned errors = atomic_load(&vk->validation_errors);
	bool expected = vk->expect_validation_errors;
	*vk = (struct vku){ 0 };
	if (errors != 0 && !expected) {
		vku_fail("%u validation errors", errors);
	}
}

PFN_vkVoidFunction vku_device_function(const struct vku *vk, const char *core, const char *khr)
{
	PFN_vkVoidFunction function = vkGetDeviceProcAddr(vk->device, core);

	if (!function) {
		function = vkGetDeviceProcAddr(vk->device, khr);
	}
	if (!function) {
		vku_fail("the device has neither %s nor %s", core, khr);
	}
	return function;
}

bool vku_has_device_extension(const struct vku *vk, const char *extension)
{
	uint32_t count = 0;
	bool found = false;

	VKU_CHECK(vkEnumerateDeviceExtensionProperties(vk->physical, NULL, &count, NULL));
	VkExtensionProperties *extensions = calloc(count, sizeof(*extensions));
	if (!extensions) {
		vku_fail("out of memory");
	}
	VKU_CHECK(vkEnumerateDeviceExtensionProperties(vk->physical, NULL, &count, extensions));
	for (uint32_t i = 0; i < count && !found; i++) {
		found = strcmp(extensions[i].extensionName, extension) == 0;
	}
	free(extensions);
	return found;
}
