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

static const struct vmb_backend backends[] = { { .aliases = false }, { .aliases = true } };
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

static const struct CMUnitTest others[] = {
	cmocka_unit_test(test_combinations),
	cmocka_unit_test(test_table_is_complete),
	cmocka_unit_test(test_properties),
};
#define OTHERS (sizeof(others) / sizeof(others[0]))

int main(void)
{
	struct CMUnitTest tests[FEATURES + OTHERS];

	for (size_t i = 0; i < FEATURES; i++) {
		tests[i] = (struct CMUnitTest){
			.name = features[i].name,
			.test_func = test_each,
			.initial_state = (void *)&features[i],
		};
	}
	memcpy(&tests[FEATURES], others, sizeof(others));
	return cmocka_run_group_tests_name("sparse_features", tests, NULL, NULL);
}
