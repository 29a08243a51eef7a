/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenarios.h"
#include "virtgpu/device.h"

/*
 * Tests what the application gets if the layer refuses a mapping and the driver ignores the failed
 * ioctl. The driver is of this file. vmb_virtgpu_call_begin() is wrapped, and marks the call as
 * refused.
 */

void __real_vmb_virtgpu_call_begin(
	struct vmb_virtgpu_call *call, struct vmb_intercept *intercept, bool is_allocation);
void __wrap_vmb_virtgpu_call_begin(
	struct vmb_virtgpu_call *call, struct vmb_intercept *intercept, bool is_allocation);

static bool refuses;

void __wrap_vmb_virtgpu_call_begin(
	struct vmb_virtgpu_call *call, struct vmb_intercept *intercept, bool is_allocation)
{
	__real_vmb_virtgpu_call_begin(call, intercept, is_allocation);
	call->was_refused = refuses;
}

#define BINDS 2

/* What the driver returns, and reports for each bind. */
static struct {
	VkResult result;
	VkResult binds[BINDS];
} driver;

static VKAPI_ATTR VkResult VKAPI_CALL driver_map(VkDevice handle, VkDeviceMemory memory,
	VkDeviceSize offset, VkDeviceSize size, VkMemoryMapFlags flags, void **out)
{
	(void)handle;
	(void)memory;
	(void)offset;
	(void)size;
	(void)flags;
	(void)out;
	return driver.result;
}

static VKAPI_ATTR VkResult VKAPI_CALL driver_map2(
	VkDevice handle, const VkMemoryMapInfoKHR *info, void **out)
{
	return driver_map(handle, info->memory, info->offset, info->size, info->flags, out);
}

static VKAPI_ATTR VkResult VKAPI_CALL driver_bind(
	VkDevice handle, VkImage image, VkDeviceMemory memory, VkDeviceSize offset)
{
	(void)handle;
	(void)image;
	(void)memory;
	(void)offset;
	return driver.result;
}

static VKAPI_ATTR VkResult VKAPI_CALL driver_bind2(
	VkDevice handle, uint32_t count, const VkBindImageMemoryInfo *infos)
{
	(void)handle;
	for (uint32_t i = 0; i < count; i++) {
		const VkBindMemoryStatusKHR *status = infos[i].pNext;
		*status->pResult = driver.binds[i];
	}
	return driver.result;
}

static uintptr_t device_object = 0x1000;
static const VkDevice handle = (VkDevice)&device_object;
static struct vmb_virtgpu_device virtgpu;
static struct vmb_device device = {
	.handle = (VkDevice)&device_object,
	.driver = {
		.MapMemory = driver_map,
		.MapMemory2 = driver_map2,
		.BindImageMemory = driver_bind,
		.BindImageMemory2 = driver_bind2,
	},
	.features = { [VMB_FEATURE_VIRTGPU] = &virtgpu },
};

static VkResult map(void)
{
	void *pointer;

	return device.commands.MapMemory(handle, VK_NULL_HANDLE, 0, VK_WHOLE_SIZE, 0, &pointer);
}

static VkResult map2(void)
{
	const VkMemoryMapInfoKHR info = { .size = VK_WHOLE_SIZE };
	void *pointer;

	return device.commands.MapMemory2(handle, &info, &pointer);
}

static VkResult bind(void)
{
	return device.commands.BindImageMemory(handle, VK_NULL_HANDLE, VK_NULL_HANDLE, 0);
}

static VkResult seen[BINDS];

static VkResult bind2(void)
{
	VkBindMemoryStatusKHR statuses[BINDS];
	VkBindImageMemoryInfo infos[BINDS];

	for (uint32_t i = 0; i < BINDS; i++) {
		statuses[i] = (VkBindMemoryStatusKHR){
			.sType = VK_STRUCTURE_TYPE_BIND_MEMORY_STATUS_KHR,
			.pResult = &seen[i],
		};
		infos[i] = (VkBindImageMemoryInfo){
			.sType = VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_INFO,
			.pNext = &statuses[i],
		};
	}
	return device.commands.BindImageMemory2(handle, BINDS, infos);
}

#define NO_ROOM VK_ERROR_OUT_OF_DEVICE_MEMORY
#define NO_HOST VK_ERROR_OUT_OF_HOST_MEMORY
#define NO_MAP VK_ERROR_MEMORY_MAP_FAILED

struct scenario {
	const char *name;
	VkResult (*call)(void);
	bool refuses;
	VkResult driver; /* what the driver returns, and reports for its first bind */
	VkResult result;
	VkResult binds[BINDS]; /* what the application finds in its VkBindMemoryStatus */
};

static const struct scenario scenarios[] = {
	{ "map", map, false, VK_SUCCESS, VK_SUCCESS, { 0 } },
	{ "map, refused", map, true, VK_SUCCESS, NO_MAP, { 0 } },
	{ "map, the driver fails", map, true, NO_HOST, NO_HOST, { 0 } },
	{ "map 2", map2, false, VK_SUCCESS, VK_SUCCESS, { 0 } },
	{ "map 2, refused", map2, true, VK_SUCCESS, NO_MAP, { 0 } },
	{ "map 2, the driver fails", map2, true, NO_HOST, NO_HOST, { 0 } },
	{ "bind", bind, false, VK_SUCCESS, VK_SUCCESS, { 0 } },
	{ "bind, refused", bind, true, VK_SUCCESS, NO_ROOM, { 0 } },
	{ "bind 2", bind2, false, VK_SUCCESS, VK_SUCCESS, { VK_SUCCESS, VK_SUCCESS } },
	{ "bind 2, refused", bind2, true, VK_SUCCESS, NO_ROOM, { NO_ROOM, NO_ROOM } },
	{ "bind 2, the driver fails", bind2, false, NO_HOST, NO_HOST, { NO_HOST, VK_SUCCESS } },
	{ "bind 2, refused, the driver fails", bind2, true, NO_HOST, NO_HOST,
		{ NO_HOST, VK_SUCCESS } },
};

static void test_scenario(void **state)
{
	const struct scenario *scenario = *state;

	refuses = scenario->refuses;
	driver.result = scenario->driver;
	driver.binds[0] = scenario->driver;
	seen[0] = seen[1] = VK_SUCCESS;
	assert_int_equal(scenario->call(), scenario->result);
	for (size_t i = 0; i < BINDS; i++) {
		assert_int_equal(seen[i], scenario->binds[i]);
	}
}

int main(void)
{
	static const struct scenario_table table = SCENARIO_TABLE(scenarios);
	const struct CMUnitTest each = cmocka_unit_test(test_scenario);
	const struct vmb_virtgpu_driver facts = { .request = VMB_DEFER_AUTO };

	virtgpu.device = &device;
	if (vmb_virtgpu_intercept_create(&facts, &virtgpu.intercept) < 0 ||
		vmb_device_register(&device) < 0) {
		return 1;
	}
	device.commands = device.driver;
	vmb_device_overlay(&device, &vmb_virtgpu_memory_commands, &virtgpu.next);
	int failed = run_scenarios("virtgpu_memory", &table, &each, NULL, 0);
	vmb_device_unregister(handle);
	vmb_intercept_destroy(virtgpu.intercept);
	return failed;
}
