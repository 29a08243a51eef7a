/* SPDX-License-Identifier: MIT */
#include "provide/device_create_info.h"
#include "backend/backend.h"
#include "input.h"
#include "vk/sparse_features.h"

/*
 * VkDeviceCreateInfo with any features, extensions and order of its chain, on a backend with any
 * extensions. Checks that
 * - only a feature that the layer does not report is refused;
 * - the driver gets no sparse feature, timelineSemaphore, and all other features unchanged;
 * - the driver gets the application's extensions, and each extension of the backend once;
 * - the application's structures are unchanged.
 */

static const char *const names[] = { "VK_KHR_swapchain", VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME,
	VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME, VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME,
	VK_KHR_EXTERNAL_MEMORY_EXTENSION_NAME, VK_KHR_MAINTENANCE1_EXTENSION_NAME, "",
	"VK_KHR_timeline" };
#define NAMES (sizeof(names) / sizeof(names[0]))
#define MAX_ENABLED 12
#define MAX_STRUCTS 6

/* A structure of the chain, of the largest type that the layer knows. */
union structure {
	VkBaseOutStructure base;
	VkPhysicalDeviceFeatures2 core;
	VkPhysicalDeviceVulkan12Features in_1_2;
	VkPhysicalDeviceTimelineSemaphoreFeatures timeline;
	VkPhysicalDeviceBufferDeviceAddressFeatures addresses;
	VkBool32 words[128];
};

struct application {
	VkDeviceCreateInfo info;
	VkPhysicalDeviceFeatures features;
	const char *enabled[MAX_ENABLED];
	union structure structs[MAX_STRUCTS];
	size_t count;
};

static uint32_t device_version;

static VKAPI_ATTR void VKAPI_CALL get_properties(
	VkPhysicalDevice device, VkPhysicalDeviceProperties *properties)
{
	(void)device;
	*properties = (VkPhysicalDeviceProperties){ .apiVersion = device_version };
}

static void take_booleans(struct input *input, VkBool32 *words, size_t count)
{
	for (size_t i = 0; i < count; i += 8) {
		uint8_t bits = input_u8(input);
		for (size_t j = i; j < count && j < i + 8; j++) {
			words[j] = bits >> (j - i) & 1;
		}
	}
}

static void take_features(struct input *input, VkPhysicalDeviceFeatures *features)
{
	take_booleans(input, (VkBool32 *)features, sizeof(*features) / sizeof(VkBool32));
	/* Most inputs enable only features that the layer reports. */
	if (!input_rarely(input)) {
		vmb_features_hide_sparse(features);
	}
	features->sparseBinding = VK_TRUE;
}

static void take_struct(struct input *input, union structure *structure, uint32_t *seen)
{
	static const VkStructureType types[] = {
		VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
		VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
		VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES,
		VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES,
	};
	size_t choice = input_below(input, 6);
	size_t header = sizeof(VkBaseOutStructure) / sizeof(VkBool32);

	memset(structure, 0, sizeof(*structure));
	take_booleans(input, structure->words + header, 64);
	/* A chain has at most one structure of each type. Vulkan12Features excludes those that it
	 * replaces. */
	uint32_t excluded = choice == 1 ? 0xe : choice == 2 || choice == 3 ? 2u : 0;
	if (choice >= 4 || (*seen & (1u << choice | excluded))) {
		structure->base.sType = (VkStructureType)(2000000000 + input_u8(input));
		return;
	}
	*seen |= 1u << choice;
	structure->base.sType = types[choice];
	if (choice == 0) {
		take_features(input, &structure->core.features);
	}
}

static void take_application(struct input *input, struct application *application)
{
	uint32_t seen = 0;

	memset(application, 0, sizeof(*application));
	application->count = input_below(input, MAX_STRUCTS + 1);
	for (size_t i = 0; i < application->count; i++) {
		take_struct(input, &application->structs[i], &seen);
		if (i) {
			application->structs[i - 1].base.pNext = &application->structs[i].base;
		}
	}
	uint32_t enabled = (uint32_t)input_below(input, MAX_ENABLED + 1);
	for (uint32_t i = 0; i < enabled; i++) {
		application->enabled[i] = names[input_below(input, NAMES)];
	}
	take_features(input, &application->features);
	application->info = (VkDeviceCreateInfo){
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = application->count ? &application->structs[0] : NULL,
		.enabledExtensionCount = enabled,
		.ppEnabledExtensionNames = enabled ? application->enabled : NULL,
		/* Valid only without VkPhysicalDeviceFeatures2. */
		.pEnabledFeatures = seen & 1 ? NULL : &application->features,
	};
}

static size_t take_backend(struct input *input, struct vmb_backend_extension *extensions)
{
	static const uint32_t cores[] = { 0, VK_API_VERSION_1_1, VK_API_VERSION_1_2,
		VK_API_VERSION_1_3 };
	size_t count = input_below(input, VMB_BACKEND_EXTENSIONS + 1);

	for (size_t i = 0; i < count; i++) {
		extensions[i].name = names[input_below(input, NAMES)];
		extensions[i].core = cores[input_below(input, 4)];
	}
	return count;
}

static uint32_t count_name(const char *const *list, uint32_t count, const char *name)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < count; i++) {
		found += strcmp(list[i], name) == 0;
	}
	return found;
}

static void check_extensions(const VkDeviceCreateInfo *given, const VkDeviceCreateInfo *rewritten,
	const struct vmb_backend *backend, uint32_t version)
{
	for (size_t i = 0; i < NAMES; i++) {
		uint32_t expected = count_name(
			given->ppEnabledExtensionNames, given->enabledExtensionCount, names[i]);
		bool needed = false;
		for (size_t j = 0; j < backend->extension_count; j++) {
			const struct vmb_backend_extension *extension = &backend->extensions[j];
			needed |= strcmp(extension->name, names[i]) == 0 &&
				(!extension->core || version < extension->core);
		}
		expect(count_name(rewritten->ppEnabledExtensionNames,
			       rewritten->enabledExtensionCount,
			       names[i]) == (needed && !expected ? 1 : expected),
			"unexpected extensions are enabled");
	}
}

static void check_core(const VkPhysicalDeviceFeatures *given, const VkPhysicalDeviceFeatures *now)
{
	VkPhysicalDeviceFeatures expected = *given;

	vmb_features_hide_sparse(&expected);
	expect(now && !vmb_features_want_sparse(now), "a sparse feature reaches the driver");
	expect(memcmp(&expected, now, sizeof(expected)) == 0, "a core feature is changed");
}

/* Compares the chains. The driver's may begin with a further structure, for timelineSemaphore. */
static void check_chain(const struct application *application, const VkDeviceCreateInfo *rewritten)
{
	const VkStructureType alone = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES;
	const union structure *now = rewritten->pNext;
	bool has_timeline = false;

	bool is_added = true;
	for (size_t i = 0; i < application->count; i++) {
		VkStructureType type = application->structs[i].base.sType;
		is_added &= type != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES &&
			type != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES;
	}
	if (is_added) {
		expect(now && now->base.sType == alone, "no structure is added");
		has_timeline = now->timeline.timelineSemaphore;
		now = (const union structure *)now->base.pNext;
	}
	for (size_t i = 0; i < application->count; i++) {
		union structure expected = application->structs[i];
		expect(now && now->base.sType == expected.base.sType, "unexpected chain");
		if (expected.base.sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2) {
			vmb_features_hide_sparse(&expected.core.features);
		} else if (expected.base.sType ==
			VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES) {
			expected.in_1_2.timelineSemaphore = has_timeline = VK_TRUE;
		} else if (expected.base.sType ==
			VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES) {
			expected.timeline.timelineSemaphore = has_timeline = VK_TRUE;
		}
		size_t header = sizeof(VkBaseOutStructure);
		expect(memcmp((const char *)now + header, (const char *)&expected + header,
			       sizeof(expected) - header) == 0,
			"a feature of the chain is changed");
		now = (const union structure *)now->base.pNext;
	}
	expect(!now && has_timeline, "timelineSemaphore is not enabled once");
}

/* Whether the application enables the replay of addresses, which the layer hides. */
static bool replays(const struct application *application)
{
	for (size_t i = 0; i < application->count; i++) {
		const union structure *structure = &application->structs[i];
		if (structure->base.sType ==
				VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES &&
			structure->in_1_2.bufferDeviceAddressCaptureReplay) {
			return true;
		}
		if (structure->base.sType ==
				VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES &&
			structure->addresses.bufferDeviceAddressCaptureReplay) {
			return true;
		}
	}
	return false;
}

static void check(const struct vmb_physical_device *physical, struct application *application)
{
	struct application before = *application;
	struct vmb_device_create_info rewritten;
	const VkPhysicalDeviceFeatures *core = vmb_core_features(&application->info);
	bool exceeds = core->sparseResidencyImage2D || core->sparseResidencyImage3D ||
		core->sparseResidency2Samples || core->sparseResidency4Samples ||
		core->sparseResidency8Samples || core->sparseResidency16Samples ||
		core->shaderResourceResidency || replays(application) ||
		(core->sparseResidencyAliased && !physical->backend->aliases);
	VkResult result = vmb_device_create_info_init(&rewritten, physical, &application->info);

	expect(memcmp(&before, application, sizeof(before)) == 0,
		"the application's structures are changed");
	expect(result == (exceeds ? VK_ERROR_FEATURE_NOT_PRESENT : VK_SUCCESS),
		"unexpected result");
	if (result != VK_SUCCESS) {
		return;
	}
	uint32_t version = device_version < physical->instance->api_version
		? device_version
		: physical->instance->api_version;
	check_extensions(&application->info, &rewritten.info, physical->backend, version);
	check_core(core, vmb_core_features(&rewritten.info));
	check_chain(application, &rewritten.info);
	vmb_device_create_info_finish(&rewritten);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t versions[] = { VK_API_VERSION_1_0, VK_API_VERSION_1_1,
		VK_API_VERSION_1_2, VK_API_VERSION_1_3 };
	struct input input = { data, size };
	struct vmb_backend_extension extensions[VMB_BACKEND_EXTENSIONS] = { 0 };
	struct application *application = exact_memory(sizeof(*application));

	device_version = versions[input_below(&input, 4)];
	struct vmb_instance instance = {
		.api_version = versions[input_below(&input, 4)],
		.driver.GetPhysicalDeviceProperties = get_properties,
	};
	struct vmb_backend backend = { .extensions = extensions };
	backend.extension_count = take_backend(&input, extensions);
	struct vmb_physical_device physical = { .instance = &instance, .backend = &backend };
	take_application(&input, application);
	check(&physical, application);
	free(application);
	return 0;
}
