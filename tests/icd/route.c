/* SPDX-License-Identifier: MIT */
#include "icd.h"

#include <stdlib.h>
#include <string.h>

/*
 * Where the layer does nothing it must cost nothing: the functions that an application gets are the
 * driver's own, as a device without the layer shows them.
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

/* What is the driver's own as well where the layer provides nothing. */
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

/* Another layer's functions would be in between. */
static void skip_if_other_layers(void)
{
	const char *layers = getenv("VK_INSTANCE_LAYERS");

	if (vku_validating() || (layers && strchr(layers, ':'))) {
		skip();
	}
}

/* A device's commands are recorded without the layer even where it provides sparse resources. */
static void provide_leaves_commands_alone(void **state)
{
	struct vku *vk = *state;
	struct vku driver;

	skip_if_other_layers();
	icd_driver_init(&driver);
	expect_same_functions(vk, &driver, commands, COUNT(commands));
	vku_finish(&driver);
}

/* The settings are read when an instance is created. */
static void init_with_setting(struct vku *vk, const char *name, const char *value)
{
	setenv(name, value, 1);
	vku_init(vk, &(struct vku_options){ 0 });
	unsetenv(name);
}

static void expect_nothing_done(const char *name, const char *value)
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
	expect_nothing_done("VMBIND_ROUTE", "native");
}

/* Without being told: a driver that has sparse resources of its own is left alone. */
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
	expect_nothing_done("VMBIND_ROUTE", "auto");
}

static void off_is_the_driver(void **state)
{
	(void)state;
	skip_if_other_layers();
	expect_nothing_done("VMBIND_ROUTE", "off");
}

/* Not the loader's doing: it ignores the key of a layer that was asked for by name. */
static void disabled_is_the_driver(void **state)
{
	(void)state;
	skip_if_other_layers();
	expect_nothing_done("DISABLE_VMBIND_SPARSE", "1");
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

/* What a trace tells of is intercepted while it is written, and nothing else: functions for sparse
 * resources and memory, of an instance that is traced. */
static void a_trace_intercepts_what_it_tells_of(void **state)
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

static void unknown_functions_are_null(void **state)
{
	struct vku *vk = *state;

	EXPECT(vkGetDeviceProcAddr(vk->device, "vkNoSuchFunction") == NULL);
	/* Not enabled, so not there, whatever the layer uses for itself. */
	EXPECT(vkGetDeviceProcAddr(vk->device, "vkGetMemoryHostPointerPropertiesEXT") == NULL);
	EXPECT(vkGetDeviceProcAddr(vk->device, "vkGetMemoryFdKHR") == NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENARIO(provide_leaves_commands_alone),
		SCENARIO_BARE(native_is_the_driver),
		SCENARIO_BARE(own_sparse_is_left_alone),
		SCENARIO_BARE(off_is_the_driver),
		SCENARIO_BARE(disabled_is_the_driver),
		SCENARIO_BARE(a_trace_intercepts_what_it_tells_of),
		SCENARIO(unknown_functions_are_null),
	};

	return ICD_RUN(tests, argc, argv);
}
