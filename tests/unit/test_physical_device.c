/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vk/instance.h"
#include "vk/physical_device.h"

/* A stand-in for a driver: the functions that the tests need. */

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_extensions(
	VkPhysicalDevice physical, const char *layer, uint32_t *count, VkExtensionProperties *list)
{
	(void)physical;
	(void)layer;
	if (list) {
		strcpy(list[0].extensionName, VK_EXT_PHYSICAL_DEVICE_DRM_EXTENSION_NAME);
	}
	*count = 1;
	return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL get_properties2(
	VkPhysicalDevice physical, VkPhysicalDeviceProperties2 *properties)
{
	VkPhysicalDeviceDrmPropertiesEXT *drm = properties->pNext;

	(void)physical;
	drm->hasRender = VK_TRUE;
	drm->renderMinor = 129;
}

static void test_render_node(void **state)
{
	struct vmb_instance instance = {
		.driver = {
			.EnumerateDeviceExtensionProperties = enumerate_extensions,
			.GetPhysicalDeviceProperties2 = get_properties2,
		},
	};
	const struct vmb_physical_device physical = { .instance = &instance };
	uint32_t node = 0;

	(void)state;
	assert_true(vmb_physical_device_render_node(&physical, &node));
	assert_int_equal(node, 129);
	/* A Vulkan 1.0 instance without VK_KHR_get_physical_device_properties2. */
	instance.driver.GetPhysicalDeviceProperties2 = NULL;
	assert_false(vmb_physical_device_render_node(&physical, &node));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_render_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
