/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "route/provided_features.h"
#include "vk/sparse_features.h"

enum provided {
	NEVER,
	ALIASES, /* by a backend that aliases */
	ALWAYS,
};

/* The sparse features of VkPhysicalDeviceFeatures, and when the layer provides them. */
struct feature {
	const char *name;
	size_t offset;
	enum provided provided;
};

/* clang-format off */
static const struct feature features[] = {
	{ "shaderResourceResidency", offsetof(VkPhysicalDeviceFeatures, shaderResourceResidency), NEVER },
	{ "sparseBinding", offsetof(VkPhysicalDeviceFeatures, sparseBinding), ALWAYS },
	{ "sparseResidencyBuffer", offsetof(VkPhysicalDeviceFeatures, sparseResidencyBuffer), ALWAYS },
	{ "sparseResidencyImage2D", offsetof(VkPhysicalDeviceFeatures, sparseResidencyImage2D), NEVER },
	{ "sparseResidencyImage3D", offsetof(VkPhysicalDeviceFeatures, sparseResidencyImage3D), NEVER },
	{ "sparseResidency2Samples", offsetof(VkPhysicalDeviceFeatures, sparseResidency2Samples), NEVER },
	{ "sparseResidency4Samples", offsetof(VkPhysicalDeviceFeatures, sparseResidency4Samples), NEVER },
	{ "sparseResidency8Samples", offsetof(VkPhysicalDeviceFeatures, sparseResidency8Samples), NEVER },
	{ "sparseResidency16Samples", offsetof(VkPhysicalDeviceFeatures, sparseResidency16Samples), NEVER },
	{ "sparseResidencyAliased", offsetof(VkPhysicalDeviceFeatures, sparseResidencyAliased), ALIASES },
};
/* clang-format on */

#define FEATURES (sizeof(features) / sizeof(features[0]))
#define COMBINATIONS (1u << FEATURES)
#define ALL_WORDS (sizeof(VkPhysicalDeviceFeatures) / sizeof(VkBool32))

/* All features as a plain array. */
union words {
	VkPhysicalDeviceFeatures features;
	VkBool32 words[ALL_WORDS];
};

/* A combination of the sparse features; all others are as filler says. */
static union words combine(unsigned combination, VkBool32 filler)
{
	union words all;

	for (size_t i = 0; i < ALL_WORDS; i++) {
		all.words[i] = filler;
	}
	for (size_t i = 0; i < FEATURES; i++) {
		all.words[features[i].offset / sizeof(VkBool32)] = combination >> i & 1;
	}
	return all;
}

static const struct vmb_backend backends[] = { { .aliases = false },
	{ .aliases = true, .imports = true } };
static const struct vmb_physical_device devices[] = {
	{ .backend = &backends[0] },
	{ .backend = &backends[1] },
};
#define DEVICES (sizeof(devices) / sizeof(devices[0]))

static bool is_provided(const struct vmb_physical_device *device, const struct feature *feature)
{
	return feature->provided == ALWAYS ||
		(feature->provided == ALIASES && device->backend->aliases);
}

static unsigned provided_ones(const struct vmb_physical_device *device)
{
	unsigned combination = 0;

	for (size_t i = 0; i < FEATURES; i++) {
		combination |= (unsigned)is_provided(device, &features[i]) << i;
	}
	return combination;
}

static void check_same(const union words *all, const union words *expected)
{
	assert_memory_equal(all->words, expected->words, sizeof(all->words));
}

static void check_combination(
	const struct vmb_physical_device *device, unsigned combination, VkBool32 filler)
{
	union words all = combine(combination, filler);
	const union words before = all;
	const union words hidden = combine(0, filler);
	const union words provided = combine(provided_ones(device), filler);

	assert_int_equal(vmb_features_want_sparse(&all.features), combination != 0);
	assert_int_equal(vmb_features_exceed_provide(device, &all.features),
		(combination & ~provided_ones(device)) != 0);
	check_same(&all, &before);
	vmb_features_hide_sparse(&all.features);
	check_same(&all, &hidden);
	all = before;
	vmb_features_provide(device, &all.features);
	check_same(&all, &provided);
}

static void test_combinations(void **state)
{
	(void)state;
	for (unsigned combination = 0; combination < COMBINATIONS; combination++) {
		for (size_t i = 0; i < DEVICES; i++) {
			check_combination(&devices[i], combination, VK_FALSE);
			check_combination(&devices[i], combination, VK_TRUE);
		}
	}
}

/* What is provided may be asked for; with all else it may not. */
static void test_each(void **state)
{
	const struct feature *feature = *state;
	unsigned alone = 1u << (feature - features);
	const union words one = combine(alone, VK_FALSE);

	assert_true(vmb_features_want_sparse(&one.features));
	for (size_t i = 0; i < DEVICES; i++) {
		const struct vmb_physical_device *device = &devices[i];
		const union words more = combine(provided_ones(device) | alone, VK_TRUE);
		bool exceeds = !is_provided(device, feature);
		assert_int_equal(vmb_features_exceed_provide(device, &one.features), exceeds);
		assert_int_equal(vmb_features_exceed_provide(device, &more.features), exceeds);
	}
}

/* The order of the structure: the sparse features of a newer one would not be in the table. */
static void test_table_is_complete(void **state)
{
	const size_t first = offsetof(VkPhysicalDeviceFeatures, shaderResourceResidency);
	const size_t after = offsetof(VkPhysicalDeviceFeatures, variableMultisampleRate);
	size_t sparse = offsetof(VkPhysicalDeviceFeatures, sparseBinding);

	(void)state;
	assert_int_equal(features[0].offset, first);
	for (size_t i = 1; i < FEATURES; i++, sparse += sizeof(VkBool32)) {
		assert_int_equal(features[i].offset, sparse);
	}
	assert_int_equal(sparse, after);
}

static void test_properties(void **state)
{
	const struct vmb_physical_device physical = { .address_space = UINT64_C(1) << 45 };
	VkPhysicalDeviceProperties properties, expected;

	(void)state;
	memset(&properties, 0x5a, sizeof(properties));
	memset(&expected, 0x5a, sizeof(expected));
	vmb_properties_provide(&physical, &properties);
	expected.limits.sparseAddressSpaceSize = UINT64_C(1) << 45;
	memset(&expected.sparseProperties, 0, sizeof(expected.sparseProperties));
	assert_memory_equal(&properties, &expected, sizeof(properties));
}

/* A feature structure with up to four members. */
struct extension_features {
	VkStructureType sType;
	void *pNext;
	VkBool32 members[4];
};

/* The features of a chain, and the first and the last member that the layer hides from it. */
static const struct chained {
	const char *name;
	VkStructureType structure;
	unsigned first, last;
	bool on_import; /* only from a backend that imports */
} chained[] = {
	{ "buffer addresses", VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES, 1,
		1, false },
	{ "EXT buffer addresses",
		VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES_EXT, 1, 1, false },
	{ "descriptor buffers", VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_FEATURES_EXT, 1,
		1, false },
	{ "acceleration structures",
		VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_FEATURES_KHR, 1, 1,
		false },
	{ "placed maps", (VkStructureType)1000272000, 0, 2, true },
	{ "timelines", VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES, 4, 4, false },
};
#define CHAINED (sizeof(chained) / sizeof(chained[0]))

static bool is_hidden(
	const struct vmb_physical_device *device, const struct chained *row, unsigned member)
{
	return member >= row->first && member <= row->last &&
		(device->backend->imports || !row->on_import);
}

static void check_chained(const struct vmb_physical_device *device, const struct chained *row)
{
	struct extension_features last = { .sType = row->structure };
	VkBaseOutStructure first = { .sType = (VkStructureType)1000999000, .pNext = (void *)&last };

	for (unsigned i = 0; i < 4; i++) {
		memset(last.members, 0, sizeof(last.members));
		last.members[i] = VK_TRUE;
		bool hides = is_hidden(device, row, i);
		assert_int_equal(vmb_feature_chain_exceeds_provide(device, &first), hides);
		assert_int_equal(last.members[i], VK_TRUE);
		vmb_feature_chain_provide(device, &first);
		assert_int_equal(last.members[i], !hides);
		assert_false(vmb_feature_chain_exceeds_provide(device, &first));
	}
}

static void test_chained(void **state)
{
	for (size_t i = 0; i < DEVICES; i++) {
		check_chained(&devices[i], *state);
	}
}

static void test_vulkan_1_2(void **state)
{
	VkPhysicalDeviceVulkan12Features in_1_2 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
		.bufferDeviceAddress = VK_TRUE,
		.bufferDeviceAddressCaptureReplay = VK_TRUE,
		.bufferDeviceAddressMultiDevice = VK_TRUE,
	};

	(void)state;
	assert_true(vmb_feature_chain_exceeds_provide(&devices[0], &in_1_2));
	vmb_feature_chain_provide(&devices[0], &in_1_2);
	assert_true(in_1_2.bufferDeviceAddress && in_1_2.bufferDeviceAddressMultiDevice);
	assert_false(in_1_2.bufferDeviceAddressCaptureReplay);
	assert_false(vmb_feature_chain_exceeds_provide(&devices[0], &in_1_2));
}

static void test_image_usage(void **state)
{
	const VkImageUsageFlags host_transfer = 0x00400000;

	(void)state;
	for (size_t i = 0; i < DEVICES; i++) {
		assert_true(vmb_image_usage_provided(&devices[i], ~host_transfer));
		assert_int_equal(vmb_image_usage_provided(&devices[i], host_transfer),
			devices[i].backend->imports);
	}
}

static const struct CMUnitTest others[] = {
	cmocka_unit_test(test_vulkan_1_2),
	cmocka_unit_test(test_image_usage),
	cmocka_unit_test(test_combinations),
	cmocka_unit_test(test_table_is_complete),
	cmocka_unit_test(test_properties),
};
#define OTHERS (sizeof(others) / sizeof(others[0]))

int main(void)
{
	struct CMUnitTest tests[FEATURES + CHAINED + OTHERS];

	for (size_t i = 0; i < FEATURES; i++) {
		tests[i] = (struct CMUnitTest){
			.name = features[i].name,
			.test_func = test_each,
			.initial_state = (void *)&features[i],
		};
	}
	for (size_t i = 0; i < CHAINED; i++) {
		tests[FEATURES + i] = (struct CMUnitTest){
			.name = chained[i].name,
			.test_func = test_chained,
			.initial_state = (void *)&chained[i],
		};
	}
	memcpy(&tests[FEATURES + CHAINED], others, sizeof(others));
	return cmocka_run_group_tests_name("sparse_features", tests, NULL, NULL);
}
