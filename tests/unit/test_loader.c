/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

#include <cmocka.h>

#include "scenarios.h"

/*
 * Loads the layer as the Vulkan loader does. A layer and a driver of this file are below it, and
 * the test decides what they answer. LAYER is the path of a build of the layer with the backend of
 * tests/backend, whose probe passes on any CPU device with VK_EXT_external_memory_host.
 */

/* The loader stores the dispatch pointer of an object in the object's first word. */
static uintptr_t instance_object = 0x1000;
static uintptr_t physical_object = 0x1000; /* the same as that of its instance */
static uintptr_t device_object = 0x2000;
static const VkInstance loader_instance = (VkInstance)&instance_object;

static PFN_vkGetInstanceProcAddr layer_get;

/* What the layer below the layer does. */
static struct {
	VkResult error; /* of vkCreateInstance, if more extensions than `allowed` are enabled */
	uint32_t allowed;
	unsigned attempts;
	unsigned wrong_inputs;
} below;

/* What the driver reports. */
static struct {
	bool is_cpu;
	VkDriverId id;
	const char *name;
	uint8_t uuid;
	unsigned tools;
	bool leaves_tool_count; /* as SwiftShader does */
} driver;

static VkLayerInstanceLink links[2];

static VKAPI_ATTR VkResult VKAPI_CALL driver_create_instance(
	const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *out)
{
	(void)info;
	(void)allocator;
	below.wrong_inputs += *out != loader_instance;
	*out = (VkInstance)&instance_object;
	return VK_SUCCESS;
}

static VkLayerInstanceCreateInfo *find_link(const VkInstanceCreateInfo *info)
{
	const VkLayerInstanceCreateInfo *link = info->pNext;

	while (link->function != VK_LAYER_LINK_INFO) {
		link = link->pNext;
	}
	return (VkLayerInstanceCreateInfo *)(uintptr_t)link;
}

static VKAPI_ATTR VkResult VKAPI_CALL below_create_instance(
	const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *out)
{
	VkLayerInstanceCreateInfo *link = find_link(info);

	below.attempts++;
	if (link->u.pLayerInfo != &links[1]) {
		below.wrong_inputs++;
		return VK_ERROR_UNKNOWN;
	}
	link->u.pLayerInfo = link->u.pLayerInfo->pNext;
	if (below.error && info->enabledExtensionCount > below.allowed) {
		*out = VK_NULL_HANDLE;
		return below.error;
	}
	return driver_create_instance(info, allocator, out);
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
	if (devices) {
		devices[0] = (VkPhysicalDevice)&physical_object;
	}
	*count = 1;
	return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_groups(
	VkInstance instance, uint32_t *count, VkPhysicalDeviceGroupProperties *groups)
{
	(void)instance;
	if (groups) {
		groups[0].physicalDeviceCount = 1;
		groups[0].physicalDevices[0] = (VkPhysicalDevice)&physical_object;
	}
	*count = 1;
	return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL get_properties(
	VkPhysicalDevice device, VkPhysicalDeviceProperties *properties)
{
	(void)device;
	/* A driver need not write the bytes after the name. */
	memset(properties, rand() & 0xff, sizeof(*properties));
	properties->apiVersion = VK_API_VERSION_1_3;
	properties->driverVersion = 1;
	properties->vendorID = 2;
	properties->deviceID = 3;
	properties->deviceType = driver.is_cpu ? VK_PHYSICAL_DEVICE_TYPE_CPU
					       : VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
	properties->limits.sparseAddressSpaceSize = 0;
	strcpy(properties->deviceName, driver.name);
}

static VKAPI_ATTR void VKAPI_CALL get_properties2(
	VkPhysicalDevice device, VkPhysicalDeviceProperties2 *properties)
{
	get_properties(device, &properties->properties);
	for (VkBaseOutStructure *node = properties->pNext; node; node = node->pNext) {
		if (node->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES) {
			VkPhysicalDeviceDriverProperties *out = (void *)node;
			out->driverID = driver.is_cpu ? VK_DRIVER_ID_MESA_LLVMPIPE : driver.id;
			strcpy(out->driverName, "test");
			strcpy(out->driverInfo, "");
		} else if (node->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES) {
			VkPhysicalDeviceIDProperties *out = (void *)node;
			memset(out->deviceUUID, driver.uuid, sizeof(out->deviceUUID));
		}
	}
}

static VKAPI_ATTR void VKAPI_CALL get_features(
	VkPhysicalDevice device, VkPhysicalDeviceFeatures *features)
{
	(void)device;
	memset(features, 0, sizeof(*features));
}

static VKAPI_ATTR void VKAPI_CALL get_families(
	VkPhysicalDevice device, uint32_t *count, VkQueueFamilyProperties *families)
{
	(void)device;
	if (families) {
		families[0] = (VkQueueFamilyProperties){ VK_QUEUE_TRANSFER_BIT, 1, 0, { 0 } };
	}
	*count = 1;
}

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_extensions(
	VkPhysicalDevice device, const char *layer, uint32_t *count, VkExtensionProperties *list)
{
	(void)device;
	(void)layer;
	if (list) {
		strcpy(list[0].extensionName, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
	}
	*count = 1;
	return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL get_tools(
	VkPhysicalDevice device, uint32_t *count, VkPhysicalDeviceToolProperties *tools)
{
	(void)device;
	if (driver.leaves_tool_count) {
		return VK_SUCCESS;
	}
	if (!tools) {
		*count = driver.tools;
		return VK_SUCCESS;
	}
	VkResult result = *count < driver.tools ? VK_INCOMPLETE : VK_SUCCESS;
	*count = *count < driver.tools ? *count : driver.tools;
	for (uint32_t i = 0; i < *count; i++) {
		snprintf(tools[i].name, sizeof(tools[i].name), "tool %u", i);
	}
	return result;
}

static VKAPI_ATTR void VKAPI_CALL get_queue(
	VkDevice device, uint32_t family, uint32_t index, VkQueue *queue)
{
	(void)family;
	(void)index;
	*queue = (VkQueue)device;
}

static VKAPI_ATTR void VKAPI_CALL destroy_device(
	VkDevice device, const VkAllocationCallbacks *allocator)
{
	(void)device;
	(void)allocator;
}

static unsigned maps;

/* The same parameters as vkMapMemory2's, without the newer headers. */
static VKAPI_ATTR VkResult VKAPI_CALL map_memory2(VkDevice device, const void *info, void **out)
{
	(void)device;
	(void)info;
	(void)out;
	maps++;
	return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL driver_create_device(VkPhysicalDevice device,
	const VkDeviceCreateInfo *info, const VkAllocationCallbacks *allocator, VkDevice *out)
{
	(void)device;
	(void)info;
	(void)allocator;
	*out = (VkDevice)&device_object;
	return VK_SUCCESS;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_function(
	VkDevice device, const char *name)
{
	static const struct {
		const char *name;
		PFN_vkVoidFunction function;
	} functions[] = {
		{ "vkGetDeviceQueue", (PFN_vkVoidFunction)get_queue },
		{ "vkDestroyDevice", (PFN_vkVoidFunction)destroy_device },
		{ "vkMapMemory2KHR", (PFN_vkVoidFunction)map_memory2 },
	};

	(void)device;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (strcmp(functions[i].name, name) == 0) {
			return functions[i].function;
		}
	}
	return NULL;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_below(VkInstance instance, const char *name)
{
	static const struct {
		const char *name;
		PFN_vkVoidFunction function;
	} functions[] = {
		{ "vkCreateInstance", (PFN_vkVoidFunction)below_create_instance },
		{ "vkDestroyInstance", (PFN_vkVoidFunction)destroy_instance },
		{ "vkEnumeratePhysicalDevices", (PFN_vkVoidFunction)enumerate_devices },
		{ "vkEnumeratePhysicalDeviceGroups", (PFN_vkVoidFunction)enumerate_groups },
		{ "vkGetPhysicalDeviceProperties", (PFN_vkVoidFunction)get_properties },
		{ "vkGetPhysicalDeviceProperties2", (PFN_vkVoidFunction)get_properties2 },
		{ "vkGetPhysicalDeviceFeatures", (PFN_vkVoidFunction)get_features },
		{ "vkGetPhysicalDeviceQueueFamilyProperties", (PFN_vkVoidFunction)get_families },
		{ "vkEnumerateDeviceExtensionProperties",
			(PFN_vkVoidFunction)enumerate_extensions },
		{ "vkGetPhysicalDeviceToolProperties", (PFN_vkVoidFunction)get_tools },
		{ "vkCreateDevice", (PFN_vkVoidFunction)driver_create_device },
	};

	(void)instance;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (strcmp(functions[i].name, name) == 0) {
			return functions[i].function;
		}
	}
	return NULL;
}

/* The loader's callbacks: the layer creates the device of its probe by these. */
static VKAPI_ATTR VkResult VKAPI_CALL loader_create_device(VkInstance instance,
	VkPhysicalDevice device, const VkDeviceCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkDevice *out, PFN_vkGetInstanceProcAddr layer,
	PFN_vkGetDeviceProcAddr *next)
{
	(void)instance;
	(void)layer;
	*next = get_device_function;
	return driver_create_device(device, info, allocator, out);
}

static VKAPI_ATTR void VKAPI_CALL loader_destroy_device(
	VkDevice device, const VkAllocationCallbacks *allocator, PFN_vkDestroyDevice destroy)
{
	destroy(device, allocator);
}

static VkResult create_instance(
	uint32_t api_version, const char *const *extensions, uint32_t count, VkInstance *out)
{
	VkLayerInstanceCreateInfo callbacks = {
		.sType = VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO,
		.function = VK_LOADER_LAYER_CREATE_DEVICE_CALLBACK,
		.u.layerDevice = { loader_create_device, loader_destroy_device },
	};
	VkLayerInstanceCreateInfo link = {
		.sType = VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO,
		.pNext = &callbacks,
		.function = VK_LAYER_LINK_INFO,
		.u.pLayerInfo = &links[0],
	};
	const VkApplicationInfo application = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.apiVersion = api_version,
	};
	const VkInstanceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pNext = &link,
		.pApplicationInfo = &application,
		.enabledExtensionCount = count,
		.ppEnabledExtensionNames = extensions,
	};
	PFN_vkCreateInstance create = (PFN_vkCreateInstance)layer_get(NULL, "vkCreateInstance");

	links[0] = (VkLayerInstanceLink){ &links[1], get_below, NULL };
	links[1] = (VkLayerInstanceLink){ NULL, get_below, NULL };
	*out = loader_instance;
	return create(&info, NULL, out);
}

static void destroy(VkInstance instance)
{
	((PFN_vkDestroyInstance)layer_get(instance, "vkDestroyInstance"))(instance, NULL);
}

/* vkCreateInstance where a layer below allows some extensions only. */
struct creation {
	const char *name;
	uint32_t api_version;
	uint32_t enabled; /* extensions of the application */
	VkResult error; /* of the layer below */
	uint32_t allowed;
	unsigned attempts;
	VkResult result;
};

static const struct creation creations[] = {
	{ "create 1.0", VK_API_VERSION_1_0, 0, VK_SUCCESS, 0, 1, VK_SUCCESS },
	{ "create 1.0, no extension allowed", VK_API_VERSION_1_0, 0, VK_ERROR_EXTENSION_NOT_PRESENT,
		0, 2, VK_SUCCESS },
	{ "create 1.0, the application's extension allowed", VK_API_VERSION_1_0, 1,
		VK_ERROR_EXTENSION_NOT_PRESENT, 1, 2, VK_SUCCESS },
	{ "create 1.0, refused with another error", VK_API_VERSION_1_0, 0,
		VK_ERROR_INITIALIZATION_FAILED, 0, 2, VK_SUCCESS },
	{ "create 1.0, the application's extension refused", VK_API_VERSION_1_0, 1,
		VK_ERROR_EXTENSION_NOT_PRESENT, 0, 2, VK_ERROR_EXTENSION_NOT_PRESENT },
	{ "create 1.0, no extension added", VK_API_VERSION_1_0, 3, VK_ERROR_EXTENSION_NOT_PRESENT,
		0, 1, VK_ERROR_EXTENSION_NOT_PRESENT },
	{ "create 1.1", VK_API_VERSION_1_1, 1, VK_ERROR_EXTENSION_NOT_PRESENT, 0, 1,
		VK_ERROR_EXTENSION_NOT_PRESENT },
};

static void test_creation(void **state)
{
	static const char *const extensions[] = {
		VK_KHR_EXTERNAL_SEMAPHORE_CAPABILITIES_EXTENSION_NAME,
		VK_KHR_EXTERNAL_MEMORY_CAPABILITIES_EXTENSION_NAME,
		VK_KHR_GET_PHYSICAL_DEVICE_PROPERTIES_2_EXTENSION_NAME,
	};
	const struct creation *creation = *state;
	VkInstance instance;

	memset(&below, 0, sizeof(below));
	below.error = creation->error;
	below.allowed = creation->allowed;
	VkResult result = create_instance(
		creation->api_version, extensions, creation->enabled, &instance);
	assert_int_equal(result, creation->result);
	assert_int_equal(below.attempts, creation->attempts);
	assert_int_equal(below.wrong_inputs, 0);
	if (result == VK_SUCCESS) {
		destroy(instance);
	}
}

static VkInstance create_simple_instance(void)
{
	VkInstance instance;

	memset(&below, 0, sizeof(below));
	assert_int_equal(create_instance(VK_API_VERSION_1_3, NULL, 0, &instance), VK_SUCCESS);
	return instance;
}

static VkPhysicalDevice enumerate(VkInstance instance)
{
	PFN_vkEnumeratePhysicalDevices get = (PFN_vkEnumeratePhysicalDevices)layer_get(
		instance, "vkEnumeratePhysicalDevices");
	VkPhysicalDevice device;
	uint32_t count = 1;

	assert_int_equal(get(instance, &count, &device), VK_SUCCESS);
	return device;
}

static VkPhysicalDevice enumerate_in_group(VkInstance instance)
{
	PFN_vkEnumeratePhysicalDeviceGroups get = (PFN_vkEnumeratePhysicalDeviceGroups)layer_get(
		instance, "vkEnumeratePhysicalDeviceGroups");
	VkPhysicalDeviceGroupProperties group;
	uint32_t count = 1;

	assert_int_equal(get(instance, &count, &group), VK_SUCCESS);
	return group.physicalDevices[0];
}

static VkBool32 reports_sparse(VkInstance instance, VkPhysicalDevice device)
{
	PFN_vkGetPhysicalDeviceFeatures get = (PFN_vkGetPhysicalDeviceFeatures)layer_get(
		instance, "vkGetPhysicalDeviceFeatures");
	VkPhysicalDeviceFeatures features;

	get(device, &features);
	return features.sparseBinding;
}

static VkDevice create_device(VkInstance instance, VkPhysicalDevice physical)
{
	VkLayerDeviceLink next = { NULL, get_below, get_device_function };
	VkLayerDeviceCreateInfo link = {
		.sType = VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO,
		.function = VK_LAYER_LINK_INFO,
		.u.pLayerInfo = &next,
	};
	const VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = &link,
	};
	VkDevice device;

	assert_int_equal(((PFN_vkCreateDevice)layer_get(instance, "vkCreateDevice"))(
				 physical, &info, NULL, &device),
		VK_SUCCESS);
	return device;
}

static PFN_vkVoidFunction device_function(VkInstance instance, VkDevice device, const char *name)
{
	PFN_vkGetDeviceProcAddr get = (PFN_vkGetDeviceProcAddr)layer_get(
		instance, "vkGetDeviceProcAddr");

	return get(device, name);
}

/* The layer provides sparse resources on the CPU device only. */
static void plug_cpu(const char *name, uint8_t uuid)
{
	driver.is_cpu = true;
	driver.name = name;
	driver.uuid = uuid;
}

static void plug_gpu(const char *name, uint8_t uuid)
{
	plug_cpu(name, uuid);
	driver.is_cpu = false;
}

/* The handle of an unplugged device names another one later. The layer decides its route anew. */
static void test_reused_handle(void **state)
{
	VkInstance instance = create_simple_instance();

	(void)state;
	plug_cpu("one", 1);
	VkPhysicalDevice handle = enumerate(instance);
	assert_true(reports_sparse(instance, handle));
	VkDevice device = create_device(instance, handle);
	plug_gpu("two", 2);
	assert_ptr_equal(enumerate(instance), handle);
	assert_false(reports_sparse(instance, handle));
	plug_cpu("one", 1);
	enumerate_in_group(instance);
	assert_true(reports_sparse(instance, handle));
	plug_gpu("one", 1);
	enumerate_in_group(instance);
	assert_false(reports_sparse(instance, handle));
	/* The first device still uses its own object. */
	((PFN_vkDestroyDevice)device_function(instance, device, "vkDestroyDevice"))(device, NULL);
	destroy(instance);
}

/* Whether the layer intercepts the mappings of Venus. */
#ifdef VMB_HAS_VIRTGPU
#define INTERCEPTS_MAPS true
#else
#define INTERCEPTS_MAPS false
#endif

/* vkCreateDevice without an enumeration before. */
static void test_reused_handle_of_new_device(void **state)
{
	VkInstance instance = create_simple_instance();

	(void)state;
	plug_gpu("one", 1);
	VkPhysicalDevice handle = enumerate(instance);
	driver.id = VK_DRIVER_ID_MESA_VENUS;
	driver.uuid = 2;
	VkDevice device = create_device(instance, handle);
	/* The layer intercepts the mappings of Venus only. */
	PFN_vkVoidFunction map = device_function(instance, device, "vkMapMemory2KHR");
	((PFN_vkDestroyDevice)device_function(instance, device, "vkDestroyDevice"))(device, NULL);
	driver.id = 0;
	destroy(instance);
	assert_int_equal(map != (PFN_vkVoidFunction)map_memory2, INTERCEPTS_MAPS);
}

/* Also if the headers of the build do not have the command. */
static void test_map_memory2(void **state)
{
	typedef VkResult(VKAPI_PTR * map_function)(VkDevice device, const void *info, void **out);
	VkInstance instance = create_simple_instance();

	(void)state;
	plug_gpu("Venus", 3);
	driver.id = VK_DRIVER_ID_MESA_VENUS;
	VkDevice device = create_device(instance, enumerate(instance));
	map_function map = (map_function)device_function(instance, device, "vkMapMemory2KHR");
	assert_int_equal(map != (map_function)map_memory2, INTERCEPTS_MAPS);
	maps = 0;
	assert_int_equal(map(device, NULL, NULL), VK_SUCCESS);
	assert_int_equal(maps, 1);
	((PFN_vkDestroyDevice)device_function(instance, device, "vkDestroyDevice"))(device, NULL);
	driver.id = 0;
	destroy(instance);
}

#define UNTOUCHED 0x5a

static void expect_tools(VkInstance instance, uint32_t room, uint32_t expected, VkResult result)
{
	PFN_vkGetPhysicalDeviceToolProperties get = (PFN_vkGetPhysicalDeviceToolProperties)
		layer_get(instance, "vkGetPhysicalDeviceToolProperties");
	VkPhysicalDeviceToolProperties tools[8];
	uint32_t count = room;

	memset(tools, UNTOUCHED, sizeof(tools));
	assert_int_equal(get((VkPhysicalDevice)&physical_object, &count, tools), result);
	assert_int_equal(count, expected);
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(tools[i].name[0] != UNTOUCHED, i < expected);
	}
	count = 77;
	assert_int_equal(get((VkPhysicalDevice)&physical_object, &count, NULL), VK_SUCCESS);
	assert_int_equal(count, driver.leaves_tool_count ? 1 : driver.tools + 1);
}

static void test_tools(void **state)
{
	VkInstance instance = create_simple_instance();

	(void)state;
	driver.leaves_tool_count = true;
	expect_tools(instance, 0, 0, VK_INCOMPLETE);
	for (uint32_t room = 1; room < 5; room++) {
		expect_tools(instance, room, 1, VK_SUCCESS);
	}
	driver.leaves_tool_count = false;
	for (driver.tools = 0; driver.tools < 4; driver.tools++) {
		for (uint32_t room = 0; room < 8; room++) {
			bool fits = driver.tools + 1 <= room;
			expect_tools(instance, room, fits ? driver.tools + 1 : room,
				fits ? VK_SUCCESS : VK_INCOMPLETE);
		}
	}
	driver.tools = 0;
	destroy(instance);
}

int main(void)
{
	static const struct scenario_table table = SCENARIO_TABLE(creations);
	const struct CMUnitTest each = cmocka_unit_test(test_creation);
	const struct CMUnitTest others[] = {
		cmocka_unit_test(test_reused_handle),
		cmocka_unit_test(test_reused_handle_of_new_device),
		cmocka_unit_test(test_map_memory2),
		cmocka_unit_test(test_tools),
	};
	VkNegotiateLayerInterface interface = {
		.sType = LAYER_NEGOTIATE_INTERFACE_STRUCT,
		.loaderLayerInterfaceVersion = 2,
	};
	/* Never closed, as the loader of an application that exits. */
	void *library = dlopen(LAYER, RTLD_NOW | RTLD_LOCAL);
	PFN_vkNegotiateLoaderLayerInterfaceVersion negotiate = NULL;

	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	*(void **)&negotiate = dlsym(library, "vkNegotiateLoaderLayerInterfaceVersion");
	if (!negotiate || negotiate(&interface) != VK_SUCCESS) {
		return 1;
	}
	layer_get = interface.pfnGetInstanceProcAddr;
	driver.name = "test";
	return run_scenarios("loader", &table, &each, others, sizeof(others) / sizeof(others[0]));
}
