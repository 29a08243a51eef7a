/* SPDX-License-Identifier: MIT */
#include "icd.h"

#include <stdlib.h>
#include <string.h>

/*
 * On the native route the layer has no overhead: the application gets the driver's own functions.
 * The tests compare the pointers with those of a device without the layer.
 */

static const char *const commands[] = {
	"vkCmdBindPipeline",
	"vkCmdBindDescriptorSets",
	"vkCmdDispatch",
	"vkCmdDispatchIndirect",
	"vkCmdCopyBuffer",
	"vkCmdCopyImage",
	"vkCmdBlitImage",
	"vkCmdCopyBufferToImage",
	"vkCmdCopyImageToBuffer",
	"vkCmdUpdateBuffer",
	"vkCmdFillBuffer",
	"vkCmdClearColorImage",
	"vkCmdPipelineBarrier",
	"vkCmdPipelineBarrier2",
	"vkCmdPushConstants",
	"vkCmdDraw",
	"vkCmdDrawIndexed",
	"vkCmdDrawIndirect",
	"vkCmdBindVertexBuffers",
	"vkCmdBindIndexBuffer",
	"vkCmdBeginRenderPass",
	"vkCmdEndRenderPass",
	"vkCmdExecuteCommands",
	"vkCmdSetViewport",
	"vkBeginCommandBuffer",
	"vkEndCommandBuffer",
	"vkResetCommandBuffer",
	"vkAllocateCommandBuffers",
	"vkFreeCommandBuffers",
	"vkUpdateDescriptorSets",
	"vkAllocateDescriptorSets",
	"vkFreeDescriptorSets",
	"vkCreateComputePipelines",
	"vkCreateGraphicsPipelines",
	"vkCreateShaderModule",
	"vkCreateImageView",
	"vkCreateSampler",
	"vkCreateDescriptorSetLayout",
	"vkCreatePipelineLayout",
	"vkCreateFramebuffer",
	"vkCreateRenderPass",
	"vkCreateQueryPool",
	"vkCreateCommandPool",
	"vkFlushMappedMemoryRanges",
	"vkInvalidateMappedMemoryRanges",
};

/* These functions, too, are the driver's own if the layer provides nothing. */
static const char *const sparse_and_memory[] = {
	"vkCreateBuffer",
	"vkDestroyBuffer",
	"vkCreateImage",
	"vkDestroyImage",
	"vkAllocateMemory",
	"vkFreeMemory",
	"vkMapMemory",
	"vkUnmapMemory",
	"vkBindBufferMemory",
	"vkBindBufferMemory2",
	"vkBindImageMemory",
	"vkBindImageMemory2",
	"vkGetBufferMemoryRequirements",
	"vkGetBufferMemoryRequirements2",
	"vkGetImageMemoryRequirements",
	"vkGetImageMemoryRequirements2",
	"vkGetDeviceBufferMemoryRequirements",
	"vkGetDeviceImageMemoryRequirements",
	"vkGetImageSparseMemoryRequirements",
	"vkGetImageSparseMemoryRequirements2",
	"vkGetBufferDeviceAddress",
	"vkGetDeviceMemoryCommitment",
	"vkQueueBindSparse",
	"vkQueueSubmit",
	"vkQueueSubmit2",
	"vkQueueWaitIdle",
	"vkDeviceWaitIdle",
	"vkWaitForFences",
	"vkGetFenceStatus",
	"vkWaitSemaphores",
	"vkSignalSemaphore",
	"vkGetSemaphoreCounterValue",
	"vkCreateFence",
	"vkCreateSemaphore",
	"vkDestroyFence",
	"vkDestroySemaphore",
};

static void expect_same_functions(
	const struct vku *layered, const struct vku *driver, const char *const *names, size_t count)
{
	unsigned different = 0;

	for (size_t i = 0; i < count; i++) {
		PFN_vkVoidFunction ours = vkGetDeviceProcAddr(layered->device, names[i]);
		PFN_vkVoidFunction theirs = vkGetDeviceProcAddr(driver->device, names[i]);
		if (ours != theirs) {
			print_error("%s is not the driver's own\n", names[i]);
			different++;
		}
	}
	EXPECT_EQ(different, 0);
}

/* With other layers the pointers are those of the other layers. */
static void skip_if_other_layers(void)
{
	const char *layers = getenv("VK_INSTANCE_LAYERS");

	if (vku_validating() || (layers && strchr(layers, ':'))) {
		skip();
	}
}

/* The layer does not intercept commands, not even on the provide route. */
static void provide_leaves_commands_alone(void **state)
{
	struct vku *vk = *state;
	struct vku driver;

	skip_if_other_layers();
	icd_driver_init(&driver);
	expect_same_functions(vk, &driver, commands, COUNT(commands));
	vku_finish(&driver);
}

/* The layer reads its settings in vkCreateInstance. */
static void init_with_setting(struct vku *vk, const char *name, const char *value)
{
	/* A driver's own sparse resources have joined binds by default. */
	setenv("VMBIND_MERGE", "off", 1);
	setenv(name, value, 1);
	vku_init(vk, &(struct vku_options){ 0 });
	unsetenv(name);
	unsetenv("VMBIND_MERGE");
}

static void expect_driver_unchanged(const char *name, const char *value)
{
	VkPhysicalDeviceFeatures ours, theirs;
	struct vku vk, driver;

	init_with_setting(&vk, name, value);
	icd_driver_init(&driver);
	vkGetPhysicalDeviceFeatures(vk.physical, &ours);
	vkGetPhysicalDeviceFeatures(driver.physical, &theirs);
	EXPECT(memcmp(&ours, &theirs, sizeof(ours)) == 0);
	EXPECT_EQ(vk.properties.limits.sparseAddressSpaceSize,
		driver.properties.limits.sparseAddressSpaceSize);
	expect_same_functions(&vk, &driver, commands, COUNT(commands));
	expect_same_functions(&vk, &driver, sparse_and_memory, COUNT(sparse_and_memory));
	vku_finish(&driver);
	vku_finish(&vk);
}

static void native_is_the_driver(void **state)
{
	(void)state;
	skip_if_other_layers();
	expect_driver_unchanged("VMBIND_ROUTE", "native");
}

/* Without a setting the layer leaves a driver with sparse resources alone. */
static void own_sparse_is_left_alone(void **state)
{
	VkPhysicalDeviceFeatures features;
	struct vku driver;

	(void)state;
	skip_if_other_layers();
	icd_driver_init(&driver);
	vkGetPhysicalDeviceFeatures(driver.physical, &features);
	vku_finish(&driver);
	if (!features.sparseBinding) {
		skip();
	}
	expect_driver_unchanged("VMBIND_ROUTE", "auto");
}

static void off_is_the_driver(void **state)
{
	(void)state;
	skip_if_other_layers();
	expect_driver_unchanged("VMBIND_ROUTE", "off");
}

/* The layer handles the key. The loader ignores it for layers enabled by name. */
static void disabled_is_the_driver(void **state)
{
	(void)state;
	skip_if_other_layers();
	expect_driver_unchanged("DISABLE_VMBIND_SPARSE", "1");
}

static unsigned count_same(const struct vku *one, const struct vku *other)
{
	unsigned same = 0;

	for (size_t i = 0; i < COUNT(sparse_and_memory); i++) {
		const char *name = sparse_and_memory[i];
		same += vkGetDeviceProcAddr(one->device, name) ==
			vkGetDeviceProcAddr(other->device, name);
	}
	return same;
}

/* With VMBIND_TRACE the layer intercepts only the recorded functions: those for sparse resources
 * and memory. Other instances are unaffected. */
static void a_trace_intercepts_only_what_it_records(void **state)
{
	struct vku driver, traced, other;

	(void)state;
	skip_if_other_layers();
	icd_driver_init(&driver);
	setenv("VMBIND_ROUTE", "native", 1);
	init_with_setting(&traced, "VMBIND_TRACE", "/dev/null");
	init_with_setting(&other, "VMBIND_ROUTE", "native");
	expect_same_functions(&traced, &driver, commands, COUNT(commands));
	EXPECT_EQ(count_same(&traced, &driver), COUNT(sparse_and_memory) - 7);
	EXPECT_EQ(count_same(&other, &driver), COUNT(sparse_and_memory));
	vku_finish(&other);
	vku_finish(&traced);
	vku_finish(&driver);
}

/* On a driver with sparse resources of its own the layer replaces vkQueueBindSparse to join
 * binds. */
static void joining_replaces_only_binds(void **state)
{
	static const char bind[] = "vkQueueBindSparse";
	VkPhysicalDeviceFeatures features;
	struct vku driver, joining;

	(void)state;
	skip_if_other_layers();
	icd_driver_init(&driver);
	vkGetPhysicalDeviceFeatures(driver.physical, &features);
	if (features.sparseBinding) {
		init_with_setting(&joining, "VMBIND_MERGE", "on");
		expect_same_functions(&joining, &driver, commands, COUNT(commands));
		EXPECT_EQ(count_same(&joining, &driver), COUNT(sparse_and_memory) - 1);
		EXPECT(vkGetDeviceProcAddr(joining.device, bind) !=
			vkGetDeviceProcAddr(driver.device, bind));
		vku_finish(&joining);
	}
	vku_finish(&driver);
}

static void unknown_functions_are_null(void **state)
{
	struct vku *vk = *state;

	EXPECT(vkGetDeviceProcAddr(vk->device, "vkNoSuchFunction") == NULL);
	/* The application did not enable these extensions, although the layer uses them. */
	EXPECT(vkGetDeviceProcAddr(vk->device, "vkGetMemoryHostPointerPropertiesEXT") == NULL);
	EXPECT(vkGetDeviceProcAddr(vk->device, "vkGetMemoryFdKHR") == NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENARIO(provide_leaves_commands_alone),
		SCENARIO_BARE(joining_replaces_only_binds),
		SCENARIO_BARE(native_is_the_driver),
		SCENARIO_BARE(own_sparse_is_left_alone),
		SCENARIO_BARE(off_is_the_driver),
		SCENARIO_BARE(disabled_is_the_driver),
		SCENARIO_BARE(a_trace_intercepts_only_what_it_records),
		SCENARIO(unknown_functions_are_null),
	};

	return ICD_RUN(tests, argc, argv);
}
